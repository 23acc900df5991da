"""docs/asyncapi.yaml is an AsyncAPI 3.0 document, and says what docs/websocket.md and code say."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError

from api.socket_messages import parse_request
from core.schema.realtime import Ticket
from core.schema.socket import PROTOCOL_VERSION, REQUESTS
from tests.support.cloudformation import ROOT
from tests.support.protocol import check_message, check_request, description

_DOCUMENT = (ROOT / "docs" / "websocket.md").read_text(encoding="utf-8")
_EXAMPLES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", _DOCUMENT, re.DOTALL)
]
# https://www.asyncapi.com/docs/reference/specification/v3.0.0: what an object may hold, and must.
_FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "root": (
        {"id", "servers", "defaultContentType", "channels", "operations", "components"},
        {"asyncapi", "info"},
    ),
    "info": (
        {"description", "termsOfService", "contact", "license", "tags", "externalDocs"},
        {"title", "version"},
    ),
    "server": (
        {"pathname", "title", "summary", "description", "variables", "security", "tags"}
        | {"protocolVersion", "externalDocs", "bindings"},
        {"host", "protocol"},
    ),
    "channel": (
        {"address", "messages", "title", "summary", "description", "servers", "parameters"}
        | {"tags", "externalDocs", "bindings"},
        set(),
    ),
    "operation": (
        {"title", "summary", "description", "security", "tags", "externalDocs", "bindings"}
        | {"traits", "messages", "reply"},
        {"action", "channel"},
    ),
    "message": (
        {"headers", "payload", "correlationId", "contentType", "name", "title", "summary"}
        | {"description", "tags", "externalDocs", "bindings", "examples", "traits"},
        set(),
    ),
}


def walk(value: Any) -> Iterator[Any]:
    """Yield a value and all that is in it."""
    yield value
    for part in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from walk(part)


def resolve(reference: str) -> Any:
    """Return what a reference within the document is to."""
    assert reference.startswith("#/"), reference
    found: Any = description()
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def objects(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the document's objects of a kind."""
    document = description()
    if kind == "root":
        yield document
    elif kind == "info":
        yield document["info"]
    elif kind == "message":
        yield from document["components"]["messages"].values()
    else:
        yield from document[f"{kind}s"].values()


@pytest.mark.parametrize("kind", _FIELDS)
def test_each_object_has_the_fields_that_asyncapi_gives_it(kind: str) -> None:
    may, must = _FIELDS[kind]
    found = list(objects(kind))
    assert found
    for each in found:
        assert must <= each.keys() <= may | must, each


def test_each_reference_leads_somewhere() -> None:
    references = [
        each["$ref"] for each in walk(description()) if isinstance(each, dict) and "$ref" in each
    ]
    assert len(references) > 50
    for reference in references:
        assert resolve(reference) is not None


def test_each_operation_uses_messages_of_its_channel() -> None:
    document = description()
    assert document["asyncapi"] == "3.0.0"
    used = set()
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        for part in (operation, operation.get("reply")):
            if part is None:
                continue
            place = part["channel"]["$ref"] + "/messages/"
            names = [message["$ref"].removeprefix(place) for message in part["messages"]]
            assert not [name for name in names if "/" in name]
            used.update(names)
    (channel,) = document["channels"].values()
    assert used == channel["messages"].keys() == document["components"]["messages"].keys()


def test_each_schema_is_one() -> None:
    for schema in description()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_version_is_the_codes() -> None:
    assert description()["info"]["version"] == str(PROTOCOL_VERSION)
    assert f"Protocol version **{PROTOCOL_VERSION}**" in _DOCUMENT
    (server_says,) = (
        schema["properties"]["protocol"]["const"]
        for schema in description()["components"]["schemas"].values()
        if "protocol" in schema.get("properties", {})
    )
    assert server_says == PROTOCOL_VERSION


def test_requests_have_the_fields_that_the_code_takes() -> None:
    schemas = description()["components"]["schemas"]
    for action, kind in REQUESTS.items():
        schema = schemas[kind.__name__]
        assert schema["properties"]["action"]["const"] == action
        assert get_args(kind.model_fields["action"].annotation) == (action,)
        assert schema["properties"].keys() == kind.model_fields.keys()
        required = {name for name, field in kind.model_fields.items() if field.is_required()}
        assert set(schema["required"]) == required
        assert schema["additionalProperties"] is False


def test_every_example_of_the_document_is_valid_and_there_is_one_of_each() -> None:
    requests = [example for example in _EXAMPLES if "action" in example]
    messages = [example for example in _EXAMPLES if "type" in example or "events" in example]
    for request in requests:
        check_request(request)
        parse_request(request)
    for message in messages:
        check_message(message)
    assert {request["action"] for request in requests} == REQUESTS.keys() - {"ping"}
    kinds = {message.get("type", "events") for message in messages}
    assert kinds == {"subscribed", "run.created", "run.updated", "error", "events"}
    (ticket,) = (example for example in _EXAMPLES if "object" in example)
    Ticket.model_validate(ticket)


def test_every_code_is_explained() -> None:
    error = description()["components"]["schemas"]["Error"]["properties"]["error"]
    codes = [code for code in error["properties"]["code"]["enum"] if code is not None]
    assert codes == sorted(codes)
    section = _DOCUMENT.split("## Errors")[1].split("\n## ")[0]
    for code in codes:
        family = code.split("_")[0] + "_…"
        assert f"`{code}`" in section or family in section, code


@pytest.mark.parametrize(
    "message",
    [
        {"type": "pong"},
        {"type": "subscribed", "thread_id": "t", "run_id": None, "last": "7", "status": None},
        {"run_id": "r", "thread_id": "t", "after": None, "events": []},
        {
            "run_id": "r",
            "thread_id": "t",
            "after": None,
            "events": [{"id": "1-0", "event": "thread.created", "data": None}],
        },
        {"type": "error", "status": 400, "error": {"message": "No."}},
        {
            "type": "error",
            "status": 400,
            "error": {
                "message": "No.",
                "type": "invalid_request_error",
                "param": None,
                "code": "made_up",
            },
        },
    ],
)
def test_what_is_not_as_documented_is_found(message: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check_message(message)
