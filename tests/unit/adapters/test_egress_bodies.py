"""Bodies are decompressed up to their limit and no further."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.egress import EgressFailed
from adapters.egress.bodies import BodyCollector


def collect(data: bytes, coding: str, limit: int, step: int = 1) -> tuple[bytes, bool]:
    collector = BodyCollector(coding, limit)
    for start in range(0, len(data), step):
        collector.feed(data[start : start + step])
    return collector.finish(), collector.is_full


@given(body=st.binary(max_size=300), limit=st.integers(1, 300), step=st.integers(1, 50))
def test_a_body_is_cut_at_the_limit_however_it_arrives(body: bytes, limit: int, step: int) -> None:
    expected = (body[:limit], len(body) > limit)
    assert collect(body, "", limit, step) == expected
    assert collect(gzip.compress(body), "gzip", limit, step) == expected


def test_several_members_are_one_body_and_padding_is_ignored() -> None:
    data = gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0) + b"\0\0\0"
    assert collect(data, "x-gzip", 100) == (b"one two", False)
    assert collect(data, "GZIP", 100, step=1000) == (b"one two", False)


def test_a_bomb_ends_at_the_limit_in_memory_as_well() -> None:
    inner = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join(inner.compress(b"\0" * 1_000_000) for _ in range(200)) + inner.flush()
    assert len(bomb) < 250_000
    tracemalloc.start()
    body, truncated = collect(bomb, "gzip", 1_000_000, step=65_536)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(body), truncated) == (1_000_000, True)
    assert peak < 8_000_000


def test_compressed_bytes_that_hold_nothing_end_as_well() -> None:
    collector = BodyCollector("gzip", 1_000)
    empty = gzip.compress(b"", mtime=0)
    fed = 0
    while not collector.is_full:
        collector.feed(empty * 100)
        fed += 1
        assert fed < 1_000
    assert collector.finish() == b""


def test_an_incompressible_body_that_just_fits_is_whole() -> None:
    body = bytes(range(256)) * 4
    data = gzip.compress(body, compresslevel=0)
    assert len(data) > len(body)
    assert collect(data, "gzip", len(body)) == (body, False)


def test_an_empty_body_needs_no_compression() -> None:
    assert collect(b"", "gzip", 10) == (b"", False)


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "compress"])
def test_a_coding_that_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(EgressFailed):
        BodyCollector(coding, 10)


@pytest.mark.parametrize(
    "data", [b"hello", gzip.compress(b"hello", mtime=0)[:-9], gzip.compress(b"a", mtime=0)[:4]]
)
def test_broken_compression_is_an_error(data: bytes) -> None:
    with pytest.raises(EgressFailed):
        collect(data, "gzip", 100)
