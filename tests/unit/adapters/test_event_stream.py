"""Server-sent events: what a server puts around the data, and where the network cuts it."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_stream import MAX_LINE_BYTES, read_data

# Line ends of other scripts are no line ends here.
DATA = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\u2028\x85\x0b")).map(
    lambda text: text.replace("\r", "").replace("\n", "") or "x"
)


@given(
    st.lists(DATA, min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["data: ", "data:", ": ping\n\ndata: ", "event: chunk\nid: 1\ndata: "]),
    st.integers(1, 7),
)
def test_the_data_comes_out_whole_wherever_the_stream_is_cut(
    texts: list[str], line_end: str, prefix: str, size: int
) -> None:
    stream = "".join(f"{prefix.rstrip()} {text}\n\n" for text in texts).replace("\n", line_end)
    sent = stream.encode()
    assert list(read_data(sent[n : n + size] for n in range(0, len(sent), size))) == texts


@pytest.mark.parametrize(
    ("sent", "data"),
    [
        (b"", []),
        (b"\n\n\n", []),
        (b": comment\n\nevent: ping\n\nretry: 5\n\nid: 7\n\n", []),
        (b"data: one\r\rdata: two\r\r", ["one", "two"]),
        (b"data: a\ndata:b\n\n", ["a\nb"]),
        (b"data:  spaced\n\n", [" spaced"]),
        (b"data: cut off", ["cut off"]),
        (b"data: one\n\ndata: two\n", ["one", "two"]),
        (b"<html>\n<body>No such page</body>\n", []),
        (b'{"choices": []}', []),
    ],
)
def test_what_is_no_data_is_passed_over(sent: bytes, data: list[str]) -> None:
    assert list(read_data([sent])) == data


def test_data_is_given_as_soon_as_it_is_whole() -> None:
    given_so_far: list[str] = []

    def pieces() -> Iterator[bytes]:
        yield b"data: one\n\nda"
        assert given_so_far == ["one"]
        yield b"ta: two\n\n"
        assert given_so_far == ["one", "two"]

    for data in read_data(pieces()):
        given_so_far.append(data)


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b"data: "
        while True:
            taken += 1_000_000
            yield b"x" * 1_000_000

    with pytest.raises(ValueError, match="too long"):
        list(read_data(endless()))
    assert taken <= MAX_LINE_BYTES + 1_000_000


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        list(read_data([b"data: \xff\n\n"]))
