"""Questions about template.yaml that several tests ask."""

from typing import Any, Final

from tests.support.cloudformation import Stack

HANDLERS: Final = {
    "ApiFunction": "api.handler.handler",
    "StreamingFunction": "api/streaming.sh",
    "WebSocketFunction": "api.websocket.handler",
    "RunnerFunction": "runner.handler.handler",
    "TimersFunction": "runner.timers.handler",
    "DeadLettersFunction": "runner.dead_letters.handler",
    "ToolWorkerFunction": "tool_worker.handler.handler",
}
# The function that consumes each queue.
QUEUE_OF: Final = {
    "RunnerFunction": "StepsQueue",
    "TimersFunction": "TimersQueue",
    "DeadLettersFunction": "DeadLetterQueue",
}
LOCAL: Final = {"IsLocal": "true", "LocalEndpoint": "http://127.0.0.1:4566"}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(stack: Stack, role: str) -> list[dict[str, Any]]:
    policies = stack.properties(role)["Policies"]
    return [part for policy in policies for part in policy["PolicyDocument"]["Statement"]]


def role_of(stack: Stack, function: str) -> str:
    name: str = stack.properties(function)["Role"]["Fn::GetAtt"]
    return name.removesuffix(".Arn")


def functions_of(stack: Stack) -> list[str]:
    """The functions that a stack has: an emulator has none that streams."""
    return [name for name in HANDLERS if name in stack.resources]


def variables(stack: Stack, function: str) -> dict[str, Any]:
    """The environment variables of a function."""
    shared: dict[str, Any] = stack.function_globals["Environment"]["Variables"]
    own: dict[str, Any] = stack.properties(function)["Environment"]["Variables"]
    return shared | own


def grants(stack: Stack, role: str) -> set[tuple[str, str]]:
    """Every action that a role allows, with what it allows it on."""
    return {
        (action, resource["Fn::GetAtt"] if "Fn::GetAtt" in resource else str(resource))
        for statement in statements(stack, role)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def holders(stack: Stack, action: str, resource: str = "") -> set[str]:
    """The functions whose role allows an action, on resources whose name starts like this."""
    return {
        function
        for function in HANDLERS
        for allowed, target in grants(stack, role_of(stack, function))
        if allowed == action and target.startswith(resource)
    }
