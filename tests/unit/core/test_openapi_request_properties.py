"""Whatever a model gives as arguments, the request goes where the document says.

The attacker of these tests is the model: it chooses each argument freely, and has read the
document.
"""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.openapi import (
    InvalidArguments,
    PreparedRequest,
    build_request,
    parse_document,
)

STYLES = [
    ("form", True),
    ("form", False),
    ("spaceDelimited", False),
    ("pipeDelimited", False),
    ("deepObject", True),
]
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.example:8443/base/v1"}],
    "paths": {
        "/fixed/{a}/x{b}.json/{list}/end": {
            "post": {
                "parameters": [
                    {"name": "a", "in": "path", "required": True, "schema": {}},
                    {"name": "b", "in": "path", "required": True, "schema": {}},
                    {
                        "name": "list",
                        "in": "path",
                        "required": True,
                        "explode": True,
                        "schema": {},
                    },
                    {"name": "X-Tag", "in": "header", "schema": {}},
                    *(
                        {
                            "name": f"q{number}",
                            "in": "query",
                            "style": style,
                            "explode": explode,
                            "schema": {},
                        }
                        for number, (style, explode) in enumerate(STYLES)
                    ),
                ],
                "requestBody": {"content": {"application/json": {"schema": {}}}},
            }
        }
    },
}
(OPERATION,) = parse_document(DOCUMENT).operations
(FORM_OPERATION,) = parse_document(
    {
        **DOCUMENT,
        "paths": {
            "/fixed": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/x-www-form-urlencoded": {"schema": {"type": "object"}}
                        }
                    }
                }
            }
        },
    }
).operations
PREFIX = "https://api.example:8443/base/v1/fixed/"

# Pieces that mean something to one URL parser or another, and any character, halves included.
# fmt: off
HOSTILE = st.sampled_from([
    "/", "\\", ".", "..", "%2e", "%2F", "%5c", "?", "#", "@", ":", ";", "&", "=", ",", "[", "]",
    "{", "}", "//", "\r", "\n", "\r\n", "\0", "\t", "%", "%00", "\uff0e", "\u2025", "\uff0f",
    "\u3002", "\u2044", "\ud83d", "\ud800", "\u202e", "http://evil.example", "evil.example:80",
    "user@", "..;", "{a}",
])
# fmt: on
CHARACTERS = st.characters(codec=None, exclude_categories=())
TEXT = st.lists(st.one_of(HOSTILE, CHARACTERS), max_size=8).map("".join)
SCALAR = st.one_of(TEXT, st.integers(), st.floats(), st.booleans(), st.none())
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=6,
)
ARGUMENTS = st.fixed_dictionaries(
    {"a": VALUE, "b": VALUE, "list": VALUE},
    optional={
        "X-Tag": VALUE,
        "body": VALUE,
        **{f"q{number}": VALUE for number in range(len(STYLES))},
    },
)


def build(arguments: dict[str, object]) -> PreparedRequest | None:
    """Return the request, or None if the arguments are refused in the words meant for that."""
    try:
        return build_request(OPERATION, arguments)
    except InvalidArguments as error:
        assert error.message.endswith(".")
        return None


@settings(max_examples=300, deadline=None)
@given(ARGUMENTS)
@example({"a": "x", "b": ".", "list": {"k": "v"}})
@example({"a": "x/../../..", "b": "1", "list": "1"})
@example({"a": "x", "b": "1", "list": "1", "q0": {"q1": "posing"}})
@example({"a": "x", "b": "1", "list": "1", "X-Tag": "a\r\nHost: evil"})
def test_the_request_goes_to_the_described_place(arguments: dict[str, object]) -> None:
    request = build(arguments)
    if request is None:
        return
    url = urlsplit(request.url)
    assert request.url.isascii()
    assert request.url.isprintable()
    assert (url.scheme, url.netloc, url.fragment) == ("https", "api.example:8443", "")
    assert request.url.startswith(PREFIX)
    segments = url.path.split("/")
    template = ["", "base", "v1", "fixed", "{a}", "x{b}.json", "{list}", "end"]
    assert len(segments) == len(template)
    for segment, described in zip(segments, template, strict=True):
        assert unquote(segment) not in (".", "..")
        assert segment == described or "{" in described
        assert segment or not described
    assert segments[5].startswith("x")
    assert segments[5].endswith(".json")
    for name, value in request.headers.items():
        assert name in ("Accept", "Content-Type", "X-Tag")
        assert value.isascii()
        assert value.isprintable()


@settings(max_examples=300, deadline=None)
@given(a=TEXT, b=TEXT, number=st.integers(0, 1))
def test_a_text_arrives_as_it_was_given(a: str, b: str, number: int) -> None:
    arguments: dict[str, object] = {"a": f"x{a}", "b": "1", "list": "1", f"q{number}": b}
    request = build(arguments)
    if request is None:
        return
    url = urlsplit(request.url)
    assert unquote(url.path.split("/")[4]) == f"x{a}"
    assert parse_qsl(url.query, keep_blank_values=True) == [(f"q{number}", b)]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXT, st.one_of(TEXT, st.lists(TEXT, max_size=3)), max_size=4))
def test_a_form_holds_the_given_fields_and_no_others(
    fields: dict[str, str | list[str]],
) -> None:
    try:
        request = build_request(FORM_OPERATION, {"body": fields})
    except InvalidArguments:
        return
    expected = [
        (name, item)
        for name, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    assert parse_qsl((request.body or b"").decode("ascii"), keep_blank_values=True) == expected


def test_honest_arguments_are_not_refused() -> None:
    """The properties above would hold, too, if everything were refused."""
    request = build(
        {"a": "Käse & Brot", "b": 7, "list": ["x", "y"], "X-Tag": "t", "q0": "?", "body": {"k": 1}}
    )
    assert request is not None
    assert request.url == PREFIX + "K%C3%A4se%20%26%20Brot/x7.json/x,y/end?q0=%3F"
