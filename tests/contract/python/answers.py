"""What the API must answer to each request, in the words of the SDK's types."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from openai.types import FileDeleted, FileObject, Model
from openai.types.beta import Assistant, AssistantDeleted, Thread, ThreadDeleted
from openai.types.beta.threads import Message, MessageDeleted, Run
from openai.types.beta.threads.runs import RunStep

from tests.contract.python.shapes import Shapes

# Fields that we send and no version of the SDK knows, each with its reason.
EXTRAS: Final = {
    # OpenAI's schema of a step has `expired_at`, OpenAI's examples have `expires_at`: we send both.
    "RunStep": ("expires_at",),
}
# Fields that OpenAI's description requires. The SDK's types make them optional, since they may be
# null; but programs in languages without defaults count on them.
COMPLETE: Final = {
    "Assistant": ("name", "description", "instructions", "metadata"),
    "Thread": ("tool_resources", "metadata"),
    "Message": (
        "incomplete_details", "completed_at", "incomplete_at", "assistant_id", "run_id",
        "attachments", "metadata",
    ),
    "Run": (
        "required_action", "last_error", "expires_at", "started_at", "cancelled_at", "failed_at",
        "completed_at", "incomplete_details", "metadata", "usage", "max_prompt_tokens",
        "max_completion_tokens", "truncation_strategy", "tool_choice", "response_format",
    ),
    "RunStep": (
        "last_error", "expired_at", "cancelled_at", "failed_at", "completed_at", "metadata",
        "usage",
    ),
}  # fmt: skip
SHAPES: Final = Shapes(EXTRAS, COMPLETE)
_ERROR: Final = {"message": str, "type": str, "param": str | None, "code": str | None}
_ID: Final = r"[^/]+"


class Page(NamedTuple):
    """A page of a list; OpenAI's list of models has neither cursors nor an end."""

    item: type
    has_cursors: bool = True


class Content(NamedTuple):
    """Bytes."""


_ANSWERS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("POST", "/assistants", Assistant),
    ("GET", "/assistants", Page(Assistant)),
    ("GET|POST", f"/assistants/{_ID}", Assistant),
    ("DELETE", f"/assistants/{_ID}", AssistantDeleted),
    ("POST", "/threads/runs", Run),
    ("POST", "/threads", Thread),
    ("GET|POST", f"/threads/{_ID}", Thread),
    ("DELETE", f"/threads/{_ID}", ThreadDeleted),
    ("POST", f"/threads/{_ID}/messages", Message),
    ("GET", f"/threads/{_ID}/messages", Page(Message)),
    ("GET|POST", f"/threads/{_ID}/messages/{_ID}", Message),
    ("DELETE", f"/threads/{_ID}/messages/{_ID}", MessageDeleted),
    ("POST", f"/threads/{_ID}/runs", Run),
    ("GET", f"/threads/{_ID}/runs", Page(Run)),
    ("GET|POST", f"/threads/{_ID}/runs/{_ID}", Run),
    ("POST", f"/threads/{_ID}/runs/{_ID}/(cancel|submit_tool_outputs)", Run),
    ("GET", f"/threads/{_ID}/runs/{_ID}/steps", Page(RunStep)),
    ("GET", f"/threads/{_ID}/runs/{_ID}/steps/{_ID}", RunStep),
    ("POST", "/files", FileObject),
    ("GET", "/files", Page(FileObject)),
    ("GET", f"/files/{_ID}", FileObject),
    ("DELETE", f"/files/{_ID}", FileDeleted),
    ("GET", f"/files/{_ID}/content", Content()),
    ("GET", "/models", Page(Model, has_cursors=False)),
    ("GET", f"/models/{_ID}", Model),
)


def faults_of(
    method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
) -> list[str]:
    """Return what is wrong with an answer, one sentence a fault.

    Args:
        method, path: of the request; the path begins behind the base URL's.
        status, headers, body: of the answer.
    """
    faults = []
    if not headers.get("x-request-id", "").startswith("req_"):
        faults.append("the answer has no request id")
    wanted = _wanted(method, path)
    if status >= 400 or not isinstance(wanted, Content):
        try:
            value = json.loads(body)
        except ValueError:
            return [f"{method} {path}: status {status} without JSON"]
        faults += _faults_of_error(value) if status >= 400 else _faults_of_value(wanted, value)
    return [f"{method} {path}: {fault}" for fault in faults]


def _wanted(method: str, path: str) -> Any:
    for methods, pattern, wanted in _ANSWERS:
        if method in methods.split("|") and re.fullmatch(pattern, path):
            return wanted
    raise LookupError(f"nothing is known of the answer to {method} {path}")


def _faults_of_value(wanted: Any, value: Any) -> list[str]:
    if not isinstance(wanted, Page):
        return SHAPES.faults(wanted, value)
    fields: dict[str, Any] = {"object": str, "data": list[wanted.item]}
    if wanted.has_cursors:
        fields |= {"first_id": str | None, "last_id": str | None, "has_more": bool}
    faults = _faults_of_fields(fields, value)
    if not faults and value["object"] != "list":
        faults.append(f"$.object: {value['object']!r} is not 'list'")
    if not faults and wanted.has_cursors:
        ids = [item["id"] for item in value["data"]] or [None]
        if (value["first_id"], value["last_id"]) != (ids[0], ids[-1]):
            faults.append("first_id and last_id are not those of the page")
    return faults


def _faults_of_error(value: Any) -> list[str]:
    if not isinstance(value, dict) or set(value) != {"error"}:
        return [f"$: {value!r} is no error of OpenAI's shape"]
    return _faults_of_fields(_ERROR, value["error"], "$.error")


def _faults_of_fields(fields: Mapping[str, Any], value: Any, place: str = "$") -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: {value!r} is not an object"]
    faults = [f"{place}.{name}: is missing" for name in fields if name not in value]
    faults += [f"{place}.{name}: is not known" for name in value if name not in fields]
    for name in fields.keys() & value.keys():
        faults += SHAPES.faults(fields[name], value[name], f"{place}.{name}")
    return faults
