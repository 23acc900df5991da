"""Actions: operations of a service that a user described with an OpenAPI document."""

from adapters.action_caller import ActionCaller
from core.action_calls import ActionCall, ActionFailed
from tool_worker.registry import ToolCallInput, ToolError, ToolOutput, parse_arguments


class ActionTool:
    """Sends the request that a call describes, and tells the model what came back.

    Args:
        caller: does it.
    """

    def __init__(self, caller: ActionCaller) -> None:
        self._caller = caller

    def run(self, call: ToolCallInput) -> ToolOutput:
        """Carry out the call.

        Returns:
            The body as text if the status is 2xx, else `{"status": 404, "body": …}`.

        Raises:
            ToolError: there is no response; the message says why.
        """
        try:
            answer = self._caller.call(
                ActionCall(
                    tenant=call.tenant,
                    operation=call.configuration,
                    arguments=parse_arguments(call.arguments),
                    timeout_seconds=call.timeout_seconds,
                    idempotency_key=call.idempotency_key,
                    authentication=call.authentication,
                )
            )
        except ActionFailed as error:
            raise ToolError(error.message) from None
        return ToolOutput(answer.output, failed=answer.failed)
