"""What programs do with OpenAI's SDK; importing this package registers every scenario."""

from tests.contract.python.registry import SCENARIOS
from tests.contract.python.scenarios import (
    assistants,
    asynchronous,
    azure,
    errors,
    files,
    messages,
    models,
    runs,
    steps,
    streams,
    streams_asynchronous,
    threads,
    tool_outputs,
)

__all__ = [
    "SCENARIOS",
    "assistants",
    "asynchronous",
    "azure",
    "errors",
    "files",
    "messages",
    "models",
    "runs",
    "steps",
    "streams",
    "streams_asynchronous",
    "threads",
    "tool_outputs",
]
