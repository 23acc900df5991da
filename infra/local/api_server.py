"""Serves the API with uvicorn, beside the emulator and on the resources of the deployed stack.

The emulated API Gateway answers in one piece; this one streams, as the Lambda Web Adapter does.
"""

from infra.local.aws import EmulatedAws
from infra.local.health import answers
from infra.local.ports import HOST
from infra.local.processes import Processes
from infra.local.servers import Server, start_server
from infra.local.tools import Tools

NAME = "api"
USUAL_PORT = 8000


def start_api(
    tools: Tools,
    processes: Processes,
    *,
    environment: dict[str, str],
    required_port: int | None,
    preferred_port: int | None,
) -> str:
    """Start uvicorn and wait until the API answers.

    Args:
        tools: Where Python and the service are.
        processes: The stack's processes.
        environment: The environment of the deployed API function.
        required_port: The port it must listen on, if the user asked for one.
        preferred_port: The port it should listen on if that is free.

    Returns:
        The API's root URL, the part before /v1.

    Raises:
        StackError: It did not start.
    """
    functions = tools.root / "functions"
    # One worker: with several, kept connections are answered about 40 ms late.
    # Streams are cut when it ends: some would go on for minutes.
    options = ("--workers", "1", "--timeout-graceful-shutdown", "1")
    uvicorn = ("-m", "uvicorn", "--factory", "api.app:create_app", *options)
    server = Server(
        name=NAME,
        command=lambda port: [tools.python, *uvicorn, "--host", HOST, "--port", str(port)],
        variables=lambda _port: environment | {"PYTHONPATH": str(functions)},
        directory=functions,
        answers=api_answers,
    )
    return start_server(
        processes, server, required_port=required_port, preferred_port=preferred_port
    )


def api_answers(root_url: str) -> bool:
    """Whether the API with this root URL is healthy."""
    return answers(f"{root_url}/health")


def read_api_environment(aws: EmulatedAws, endpoint: str, function: str) -> dict[str, str]:
    """Return the environment of the deployed API function, for a process beside the emulator.

    It is told the emulator's address, and that it streams.
    """
    configuration = aws.functions().get_function_configuration(FunctionName=function)
    variables = configuration.get("Environment", {}).get("Variables", {})
    return {**variables, "AWS_ENDPOINT_URL": endpoint, "STREAMING": "true"}
