"""Attributes: plain scalars as they are, documents as JSON text, large ones in the bucket.

Documents are text because DynamoDB's own maps stop at 32 levels and change numbers: a user's JSON
schema must come back as it was sent.
"""

import secrets
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from types_boto3_s3.client import S3Client

Item = dict[str, Any]

# An item may have 400 KB; the largest has three documents.
MAX_INLINE_BYTES = 120 * 1024


def scalar(value: str | int | bool) -> "AttributeValueTypeDef":
    """Return a scalar as an attribute."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    return {"S": value}


def plain(attribute: Any) -> str | int | bool | None:
    """Return a scalar attribute's value; None if there is no attribute."""
    if attribute is None:
        return None
    if "N" in attribute:
        return int(attribute["N"])
    if "BOOL" in attribute:
        return bool(attribute["BOOL"])
    return str(attribute["S"])


class TextStore(Protocol):
    """Where texts go that are too large for an item."""

    def pack(self, tenant: str, text: str) -> "AttributeValueTypeDef":
        """Return the attribute that holds a text, or says where it is."""
        ...

    def unpack(self, attribute: Any) -> str:
        """Return the text of such an attribute."""
        ...


class BucketTextStore:
    """Keeps large texts in the bucket, under the tenant's prefix.

    A text is put before the transaction that refers to it; if that fails, an object is left that
    nothing refers to.

    Args:
        client: an S3 client.
        bucket: the bucket's name.
    """

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def pack(self, tenant: str, text: str) -> "AttributeValueTypeDef":
        """Return the attribute that holds a text, or says where it is."""
        if len(text) * 4 <= MAX_INLINE_BYTES:
            return {"S": text}
        data = text.encode()
        if len(data) <= MAX_INLINE_BYTES:
            return {"S": text}
        key = f"values/{tenant}/{secrets.token_hex(16)}"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data)
        return {"M": {"object": {"S": key}}}

    def unpack(self, attribute: Any) -> str:
        """Return the text of such an attribute."""
        if "S" in attribute:
            return str(attribute["S"])
        key = attribute["M"]["object"]["S"]
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
