"""Secrets of tenants, encrypted with a key of the operator (KMS) before they are stored.

A sealed text names what it was sealed for; AWS refuses to open it for anything else (encryption
context). Without a key nothing is sealed, and what is stored is as well protected as all else in
the table: DynamoDB encrypts at rest.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from core.expiring import Expiring

if TYPE_CHECKING:
    from types_boto3_kms.client import KMSClient

CACHE_SECONDS: Final = 300
_MOST_CACHED: Final = 256
# https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html: up to 4,096 bytes at once.
_AT_ONCE: Final = 4_096
_V1: Final = "kms:1:"


def is_sealed(text: str) -> bool:
    """Return whether a text was sealed, by whatever key."""
    return text.startswith("kms:")


class CannotOpen(Exception):
    """A sealed text cannot be opened: its key is gone, or this deployment may not use it."""


class Sealer:
    """Seals and opens texts.

    Args:
        client: gives a KMS client, when the first is needed.
        key_arn: the key that seals; "" for none.
        monotonic: gives seconds.
    """

    def __init__(
        self,
        client: "Callable[[], KMSClient]",
        key_arn: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_client = client
        self._known_client: KMSClient | None = None
        self._key_arn = key_arn
        self._monotonic = monotonic
        self._opened: Expiring[tuple[str, str], str] = Expiring(_MOST_CACHED, monotonic)

    @property
    def seals(self) -> bool:
        """Whether there is a key to seal with."""
        return bool(self._key_arn)

    def seal(self, tenant: str, text: str) -> str:
        """Return a text sealed for a tenant, in a request for each 4,096 bytes.

        Only where `seals` is true.
        """
        data = text.encode()
        name = secrets.token_hex(16)
        pieces = [data[start : start + _AT_ONCE] for start in range(0, len(data), _AT_ONCE)]
        sealed = [
            self._client().encrypt(
                KeyId=self._key_arn,
                Plaintext=piece,
                EncryptionContext=_context(tenant, name, index, len(pieces)),
            )["CiphertextBlob"]
            for index, piece in enumerate(pieces)
        ]
        parts = [base64.b64encode(piece).decode() for piece in sealed]
        return _V1 + json.dumps({"name": name, "parts": parts}, separators=(",", ":"))

    def open(self, tenant: str, sealed: str) -> str:
        """Return the text that was sealed for a tenant; it is kept in memory for some minutes.

        Raises:
            CannotOpen: the key is gone, or the text was sealed for somebody else.
        """
        known = self._opened.get((tenant, sealed))
        if known is not None:
            return known
        text = self._open(tenant, sealed)
        self._opened.put((tenant, sealed), text, self._monotonic() + CACHE_SECONDS)
        return text

    def _open(self, tenant: str, sealed: str) -> str:
        if not sealed.startswith(_V1):
            raise CannotOpen
        envelope = json.loads(sealed.removeprefix(_V1))
        name, parts = envelope["name"], envelope["parts"]
        try:
            return b"".join(
                self._client().decrypt(
                    CiphertextBlob=base64.b64decode(part),
                    EncryptionContext=_context(tenant, name, index, len(parts)),
                )["Plaintext"]
                for index, part in enumerate(parts)
            ).decode()
        except (BotoCoreError, ClientError):
            # Its text may name the key; and it is the operator's affair.
            raise CannotOpen from None

    def _client(self) -> "KMSClient":
        if self._known_client is None:
            self._known_client = self._make_client()
        return self._known_client

    def __repr__(self) -> str:
        return f"Sealer(seals={self.seals})"


def _context(tenant: str, name: str, index: int, count: int) -> dict[str, str]:
    return {"tenant": tenant, "secret": name, "part": f"{index + 1}/{count}"}
