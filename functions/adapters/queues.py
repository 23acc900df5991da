"""The two queues: steps to carry out, and messages that come due later."""

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from adapters.schedules import Schedules, SchedulesFull
from core.clock import Clock
from core.jobs import CheckJob, StepJob, TimerJob

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
MAX_DELAY_SECONDS: Final = 900


class Queues:
    """Sends messages.

    Args:
        client: an SQS client.
        steps_url: the steps queue.
        timers_url: the timers queue.
        clock: gives milliseconds.
        schedules: take what waits for longer than the queue can delay it. Without them it comes
            too early, is not due, and waits again.
    """

    def __init__(
        self,
        client: "SQSClient",
        steps_url: str,
        timers_url: str,
        clock: Clock,
        schedules: Schedules | None = None,
    ) -> None:
        self._client = client
        self._steps_url = steps_url
        self._timers_url = timers_url
        self._clock = clock
        self._schedules = schedules

    def send_step(self, job: StepJob, delay_seconds: int = 0) -> None:
        """Ask for a step. The group makes the queue fair: a noisy tenant delays itself.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html

        Args:
            job: names the step.
            delay_seconds: how long its message waits, up to 900.
        """
        self._client.send_message(
            QueueUrl=self._steps_url,
            MessageBody=job.model_dump_json(),
            MessageGroupId=job.tenant,
            DelaySeconds=delay_seconds,
        )

    def send_check(self, job: CheckJob, delay_seconds: int) -> None:
        """Have a run looked at after a delay."""
        self.send_timer(job, delay_seconds)

    def send_timer(self, job: TimerJob, delay_seconds: int) -> None:
        """Have a job carried out after a delay, however long.

        It may come early; whoever carries it out looks whether it is due.
        """
        body = job.model_dump_json()
        if delay_seconds > MAX_DELAY_SECONDS and self._schedules is not None:
            due = self._clock() // 1000 + delay_seconds
            # The same job for the same time has the same name: it is scheduled once.
            name = f"{job.kind}-{sha256(body.encode()).hexdigest()[:32]}-{due}"
            try:
                self._schedules.create(name, due, body)
            except SchedulesFull:
                pass
            else:
                return
        self._client.send_message(
            QueueUrl=self._timers_url,
            MessageBody=body,
            DelaySeconds=max(0, min(delay_seconds, MAX_DELAY_SECONDS)),
        )

    def return_step(self, receipt_handle: str, delay_seconds: int) -> None:
        """Have a step's message delivered again after a delay, not after its visibility timeout."""
        self._client.change_message_visibility(
            QueueUrl=self._steps_url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=delay_seconds,
        )
