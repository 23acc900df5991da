"""Documents from where they are published, by the same guarded way as the requests of tools."""

from typing import Final

from adapters.document_text import MAX_BYTES, BadDocument, decoded
from adapters.egress import EgressClient, EgressError
from core.openapi import PreparedRequest

TIMEOUT_SECONDS: Final = 10.0
_ACCEPT: Final = "application/json, application/yaml, text/yaml;q=0.9, */*;q=0.8"


class DocumentFetcher:
    """Gets documents. The URL may hold a key: it is neither logged nor told in errors.

    Args:
        egress: gets them, up to `MAX_BYTES` of each.
    """

    def __init__(self, egress: EgressClient) -> None:
        self._egress = egress

    def fetch(self, url: str) -> str:
        """Return the text at a URL.

        Raises:
            BadDocument: there is none, it is too large, or it may not be reached.
        """
        request = PreparedRequest("GET", url, {"Accept": _ACCEPT}, None)
        try:
            response = self._egress.send(request, timeout_seconds=TIMEOUT_SECONDS)
        except EgressError as error:
            raise BadDocument(f"cannot be fetched: {error.message.removesuffix('.')}") from None
        if response.status != 200:
            raise BadDocument(f"cannot be fetched: its server answered with {response.status}")
        if response.truncated:
            raise BadDocument(f"has more than {MAX_BYTES:,} bytes")
        return decoded(response.body)
