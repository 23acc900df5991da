"""The WebSocket's messages as docs/asyncapi.yaml describes them."""

from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.support.cloudformation import ROOT


@cache
def description() -> dict[str, Any]:
    """Return the document."""
    text = (ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def check_message(message: dict[str, Any]) -> None:
    """Fail unless a message is one that the server sends, in its documented shape."""
    name = "events" if "events" in message else _messages_by_type("send")[message["type"]]
    _validator(name).validate(message)


def check_request(request: dict[str, Any]) -> None:
    """Fail unless a message is one that a client may send, in its documented shape."""
    _validator(_messages_by_type("receive")[request["action"]]).validate(request)


@cache
def _messages_by_type(direction: str) -> dict[str, str]:
    """Return the names of messages by the word that tells them apart."""
    word = "action" if direction == "receive" else "type"
    schemas = description()["components"]["schemas"]
    found = {}
    for name, message in description()["components"]["messages"].items():
        properties = schemas[message["payload"]["$ref"].rsplit("/", 1)[1]]["properties"]
        if isinstance(properties.get(word), dict):
            found[properties[word]["const"]] = name
    return found


@cache
def _validator(name: str) -> Draft202012Validator:
    payload = description()["components"]["messages"][name]["payload"]
    return Draft202012Validator({**payload, "components": description()["components"]})
