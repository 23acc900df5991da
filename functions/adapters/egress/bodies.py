"""Response bodies, decompressed piece by piece and never beyond their limit."""

import zlib

from adapters.egress.errors import EgressFailed

ACCEPTED_CODING = "gzip"
_GZIP = zlib.MAX_WBITS | 16
# What compression may add to a body that cannot be compressed.
_SLACK = 65_536


class BodyCollector:
    """Collects a body up to a limit; what counts is its size when decompressed.

    A bomb of a few kilobytes can hold gigabytes: no more of it is decompressed than is kept.

    Args:
        coding: the value of the `Content-Encoding` header; "" without one.
        limit: bytes.

    Raises:
        EgressFailed: the coding is not the one that was asked for.
    """

    def __init__(self, coding: str, limit: int) -> None:
        if coding.lower() not in ("", "identity", "gzip", "x-gzip"):
            raise EgressFailed("The response is compressed in a way that was not asked for.")
        self._is_gzip = coding.lower().endswith("gzip")
        self._limit = limit
        self._body = bytearray()
        self._arrived = 0
        self._decompressor = zlib.decompressobj(_GZIP)

    @property
    def is_full(self) -> bool:
        """Whether there is more than the limit allows: `finish` returns a beginning only."""
        return len(self._body) > self._limit or self._arrived > self._limit + _SLACK

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they arrived.

        Raises:
            EgressFailed: they are not compressed as the response says.
        """
        self._arrived += len(chunk)
        if not self._is_gzip:
            self._body += chunk[: self._room()]
            return
        try:
            self._decompress(chunk)
        except zlib.error:
            raise EgressFailed("The response's compression is broken.") from None

    def finish(self) -> bytes:
        """Return the body, cut at the limit.

        Raises:
            EgressFailed: its compressed form ended early.
        """
        is_cut_off = self._is_gzip and self._arrived > 0 and not self._decompressor.eof
        if is_cut_off and not self.is_full:
            raise EgressFailed("The response ended early.")
        return bytes(self._body[: self._limit])

    def _room(self) -> int:
        # One byte more than the limit tells a body that is too long from one that just fits.
        return self._limit + 1 - len(self._body)

    def _decompress(self, data: bytes) -> None:
        # A limit of zero would mean no limit to zlib: without room it must not be asked.
        while data and self._room() > 0:
            if self._decompressor.eof:
                # Another member follows (RFC 1952, section 2.2), or else padding.
                if data[:1] != b"\x1f":
                    return
                self._decompressor = zlib.decompressobj(_GZIP)
            self._body += self._decompressor.decompress(data, self._room())
            data = self._decompressor.unconsumed_tail or self._decompressor.unused_data
