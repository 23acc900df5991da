"""One-time schedules: messages that wait longer than a queue can hold them back.

Nothing runs and nothing bills while a schedule waits; it puts its message into the timers queue
and is deleted.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_scheduler.client import EventBridgeSchedulerClient

_FULL = frozenset(
    {"ServiceQuotaExceededException", "ThrottlingException", "InternalServerException"}
)


class SchedulesFull(Exception):
    """There are too many schedules, or too many are made at this moment."""


class Schedules:
    """Makes schedules in the stack's own group.

    Args:
        connect: gives an EventBridge Scheduler client; called when the first schedule is made,
            since most processes make none.
        group: the group's name.
        role_arn: the role that may send to the queue.
        queue_arn: the queue that gets the messages.
    """

    def __init__(
        self,
        connect: "Callable[[], EventBridgeSchedulerClient]",
        group: str,
        role_arn: str,
        queue_arn: str,
    ) -> None:
        self._connect = connect
        self._group = group
        self._role_arn = role_arn
        self._queue_arn = queue_arn

    @cached_property
    def _client(self) -> "EventBridgeSchedulerClient":
        return self._connect()

    def create(self, name: str, at: int, message: str) -> None:
        """Have a message sent at a time; a schedule of this name that is there counts as made.

        https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html

        Args:
            name: up to 64 letters, digits, hyphens, underscores and dots.
            at: unix seconds. The service keeps to the minute, not to the second.
            message: the message's body.

        Raises:
            SchedulesFull: the service takes no more of them now.
        """
        moment = datetime.fromtimestamp(at, UTC)
        try:
            self._client.create_schedule(
                Name=name,
                GroupName=self._group,
                ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={"Arn": self._queue_arn, "RoleArn": self._role_arn, "Input": message},
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _FULL:
                raise SchedulesFull from None
            if code != "ConflictException":
                raise
