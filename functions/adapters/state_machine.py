"""Starts the state machine that carries out a step's tool calls."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core.dispatch import StartTools

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient


class ToolsMachine:
    """The tools state machine.

    Args:
        client: a Step Functions client.
        arn: the state machine.
    """

    def __init__(self, client: "SFNClient", arn: str) -> None:
        self._client = client
        self._arn = arn

    def start(self, tools: StartTools) -> None:
        """Start the calls. A second start does no harm: each call is claimed before it is made.

        An Express workflow takes the same name again; where it does not, that counts as started.
        """
        try:
            self._client.start_execution(
                stateMachineArn=self._arn,
                name=tools.name,
                input=tools.phase.model_dump_json(),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
