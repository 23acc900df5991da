"""What waits for longer than a queue can delay it: one schedule for one job and time."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from adapters import aws
from adapters.queues import MAX_DELAY_SECONDS, Queues
from adapters.schedules import Schedules
from core.jobs import CheckJob, ThreadTtlJob
from tests.support.clock import FakeClock
from tests.support.world import REGION

JOB = ThreadTtlJob(tenant="proj_1", thread_id="thread_1")
LONG = MAX_DELAY_SECONDS + 1


class Refusing:
    """A scheduler that refuses every schedule."""

    def __init__(self, code: str) -> None:
        self._code = code

    def create_schedule(self, **_: Any) -> None:
        """Refuse."""
        raise ClientError({"Error": {"Code": self._code, "Message": ""}}, "CreateSchedule")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def queues(environment: dict[str, str], clock: FakeClock) -> Queues:
    """The queues, and schedules for what they cannot delay for long enough."""
    return make_queues(environment, clock, aws.scheduler_client)


def make_queues(environment: dict[str, str], clock: FakeClock, connect: Any) -> Queues:
    schedules = Schedules(
        connect,
        environment["SCHEDULE_GROUP"],
        environment["SCHEDULER_ROLE_ARN"],
        environment["TIMERS_QUEUE_ARN"],
    )
    return Queues(
        aws.sqs_client(),
        environment["STEPS_QUEUE_URL"],
        environment["TIMERS_QUEUE_URL"],
        clock,
        schedules,
    )


def schedules_made(environment: dict[str, str]) -> list[dict[str, Any]]:
    client = boto3.client("scheduler", region_name=REGION)
    group = environment["SCHEDULE_GROUP"]
    found = client.list_schedules(GroupName=group)["Schedules"]
    return [dict(client.get_schedule(GroupName=group, Name=one["Name"])) for one in found]


def messages_waiting(environment: dict[str, str]) -> int:
    attributes = boto3.client("sqs", region_name=REGION).get_queue_attributes(
        QueueUrl=environment["TIMERS_QUEUE_URL"], AttributeNames=["All"]
    )["Attributes"]
    return sum(
        int(attributes[name])
        for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
    )


def test_a_long_wait_is_a_schedule_that_sends_the_job_and_deletes_itself(
    environment: dict[str, str], queues: Queues, clock: FakeClock
) -> None:
    clock.now_ms = 1_800_000_000_000  # 2027-01-15T08:00:00Z
    queues.send_timer(JOB, 86_400 * 30)
    (made,) = schedules_made(environment)
    assert made["ScheduleExpression"] == "at(2027-02-14T08:00:00)"
    assert made["ScheduleExpressionTimezone"] == "UTC"
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert made["ActionAfterCompletion"] == "DELETE"
    assert made["Target"]["Arn"] == environment["TIMERS_QUEUE_ARN"]
    assert made["Target"]["RoleArn"] == environment["SCHEDULER_ROLE_ARN"]
    assert json.loads(made["Target"]["Input"]) == JOB.model_dump()
    assert len(made["Name"]) <= 64
    assert messages_waiting(environment) == 0


def test_a_short_wait_is_the_queues_own_delay(environment: dict[str, str], queues: Queues) -> None:
    queues.send_timer(JOB, MAX_DELAY_SECONDS)
    assert schedules_made(environment) == []
    assert messages_waiting(environment) == 1


def test_the_same_job_for_the_same_time_is_scheduled_once(
    environment: dict[str, str], queues: Queues, clock: FakeClock
) -> None:
    queues.send_timer(JOB, LONG + 10)
    queues.send_timer(JOB, LONG + 10)
    clock.advance(10)
    queues.send_timer(JOB, LONG)
    assert len(schedules_made(environment)) == 1
    queues.send_timer(JOB, LONG + 1)
    queues.send_timer(JOB.model_copy(update={"thread_id": "thread_2"}), LONG)
    assert len(schedules_made(environment)) == 3
    assert messages_waiting(environment) == 0


def test_a_check_of_a_run_that_waits_for_days_waits_in_a_schedule(
    environment: dict[str, str], queues: Queues
) -> None:
    check = CheckJob(tenant="proj_1", thread_id="thread_1", run_id="run_1", watch=1)
    queues.send_check(check, 2_592_001)
    (made,) = schedules_made(environment)
    assert json.loads(made["Target"]["Input"]) == check.model_dump()


@pytest.mark.parametrize("code", ["ServiceQuotaExceededException", "ThrottlingException"])
def test_when_there_are_too_many_schedules_the_job_comes_early_and_waits_again(
    environment: dict[str, str], clock: FakeClock, code: str
) -> None:
    make_queues(environment, clock, lambda: Refusing(code)).send_timer(JOB, LONG)
    assert messages_waiting(environment) == 1


def test_a_schedule_that_is_refused_for_good_is_an_error(
    environment: dict[str, str], clock: FakeClock
) -> None:
    queues = make_queues(environment, clock, lambda: Refusing("AccessDeniedException"))
    with pytest.raises(ClientError):
        queues.send_timer(JOB, LONG)
    assert messages_waiting(environment) == 0


def test_no_client_is_made_before_there_is_something_to_schedule(
    environment: dict[str, str], clock: FakeClock
) -> None:
    def connect() -> Any:
        raise AssertionError("not needed")

    make_queues(environment, clock, connect).send_timer(JOB, 60)
