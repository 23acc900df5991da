"""Forms: nested as the SDKs write them, and read within a limit."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from api.forms import MAX_FORM_BYTES, nested, read_form
from core.errors import InvalidRequest, PayloadTooLarge

NAMES = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1)
LEAVES = st.text(max_size=5)
OBJECTS = st.dictionaries(NAMES, LEAVES | st.dictionaries(NAMES, LEAVES, min_size=1))
BOUNDARY = "4f1c"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def written(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return an object as the SDKs write it into a form."""
    pairs = []
    for outer, value in found.items():
        if isinstance(value, dict):
            pairs += [(f"{outer}[{inner}]", leaf) for inner, leaf in value.items()]
        else:
            pairs.append((outer, value))
    return pairs


@given(OBJECTS, st.randoms(use_true_random=False))
def test_fields_of_fields_become_an_object_in_whatever_order(found: Any, random: Any) -> None:
    pairs = written(found)
    random.shuffle(pairs)
    assert nested(pairs) == found


@pytest.mark.parametrize("name", ["a[b", "a]b", "[b]", "a[]", "a[b][c]", "a[b]c", "", "a[b]]"])
def test_a_name_that_is_written_otherwise_is_unknown(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        nested([(name, "")])
    assert (refusal.value.param, refusal.value.code) == (name, "unknown_parameter")


@pytest.mark.parametrize(
    "names", [["a", "a"], ["a[b]", "a[b]"], ["a", "a[b]"], ["a[b]", "a"]], ids=str
)
def test_a_field_that_comes_twice_is_refused(names: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        nested((name, "") for name in names)
    assert refusal.value.message == f"Invalid '{names[1]}': it was given more than once."


def test_a_long_name_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        nested([("x" * 5000 + "[", "")])
    assert len(refusal.value.message) < 200


def request(chunks: Sequence[bytes], **headers: str) -> Request:
    """Return a request whose body comes in chunks."""
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, 1)
    ]
    arriving = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(arriving)

    given = {"content-type": FORM} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def body(content: bytes) -> bytes:
    """Return a form with a file."""
    head = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
    return b"--%b\r\n%b\r\n\r\n%b\r\n--%b--\r\n" % (
        BOUNDARY.encode(),
        head.encode(),
        content,
        BOUNDARY.encode(),
    )


def size_of_file(chunks: Sequence[bytes], **headers: str) -> int:
    """Read a form, and return its file's size."""

    async def read() -> int:
        form = await read_form(request(chunks, **headers))
        file: Any = form["file"]
        try:
            return len(await file.read())
        finally:
            await form.close()

    return asyncio.run(read())


def test_the_largest_form_is_read_and_a_byte_more_is_not() -> None:
    most = MAX_FORM_BYTES - len(body(b""))
    pieces = [
        body(b"x" * most)[start : start + 65_536] for start in range(0, MAX_FORM_BYTES, 65_536)
    ]
    assert size_of_file(pieces) == most
    with pytest.raises(PayloadTooLarge, match="4,500,000 bytes"):
        size_of_file([body(b"x" * (most + 1))])


def test_a_form_that_is_too_large_is_refused_at_the_chunk_that_says_so() -> None:
    endless = [
        body(b"").partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
        *[b"x" * 1_000_000] * 4,
        b"x" * 500_000,
    ]
    with pytest.raises(PayloadTooLarge):
        size_of_file(endless)


@pytest.mark.parametrize("length", [str(MAX_FORM_BYTES + 1), "9" * 5000])
def test_a_form_that_announces_too_much_is_not_read_at_all(length: str) -> None:
    with pytest.raises(PayloadTooLarge):
        size_of_file([], content_length=length)


@pytest.mark.parametrize("length", ["", "many", "-1", "²", "0" * 5000 + "90"])
def test_what_a_form_announces_otherwise_does_not_count(length: str) -> None:
    assert size_of_file([body(b"abc")], content_length=length) == 3


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/mixed; boundary=x", "text/plain"]
)
def test_another_body_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidRequest, match="multipart/form-data"):
        size_of_file([b"{}"], content_type=content_type)


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", body(b"")),
        (FORM, b"no boundary"),
        (FORM, body(b"").replace(b'name="file"; ', b"")),
        (
            FORM,
            b"".join(
                b'--4f1c\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
                for _ in range(101)
            ),
        ),
        (FORM, b'--4f1c\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 70_000),
    ],
    ids=["no boundary named", "another text", "no name", "too many fields", "too long a field"],
)
def test_a_form_that_cannot_be_read_is_refused(content_type: str, content: bytes) -> None:
    with pytest.raises(InvalidRequest, match="We could not parse the multipart form"):
        size_of_file([content], content_type=content_type)
