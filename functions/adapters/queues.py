"""The two queues: steps to carry out, and checks that come due later."""

from typing import TYPE_CHECKING

from core.dispatch import MAX_CHECK_SECONDS
from core.jobs import CheckJob, StepJob

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient


class Queues:
    """Sends messages.

    Args:
        client: an SQS client.
        steps_url: the steps queue.
        timers_url: the timers queue.
    """

    def __init__(self, client: "SQSClient", steps_url: str, timers_url: str) -> None:
        self._client = client
        self._steps_url = steps_url
        self._timers_url = timers_url

    def send_step(self, job: StepJob) -> None:
        """Ask for a step. The group makes the queue fair: a noisy tenant delays itself.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        self._client.send_message(
            QueueUrl=self._steps_url,
            MessageBody=job.model_dump_json(),
            MessageGroupId=job.tenant,
        )

    def send_check(self, job: CheckJob, delay_seconds: int) -> None:
        """Have a run looked at after a delay of 0 to 900 seconds."""
        self._client.send_message(
            QueueUrl=self._timers_url,
            MessageBody=job.model_dump_json(),
            DelaySeconds=max(0, min(delay_seconds, MAX_CHECK_SECONDS)),
        )

    def return_step(self, receipt_handle: str, delay_seconds: int) -> None:
        """Have a step's message delivered again after a delay, not after its visibility timeout."""
        self._client.change_message_visibility(
            QueueUrl=self._steps_url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=delay_seconds,
        )
