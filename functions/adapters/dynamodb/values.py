"""Attributes: plain scalars as they are, documents as JSON text, large ones in the bucket.

Documents are text because DynamoDB's own maps stop at 32 levels and change numbers: a user's JSON
schema must come back as it was sent.
"""

import secrets
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

Item = dict[str, Any]

# An item may have 400 KB; the largest has three documents.
MAX_INLINE_BYTES = 120 * 1024
# Where in the bucket texts go: those of items that stay, and those of items with a time to live.
LASTING = "values"
PASSING = "passing"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_DELETED_AT_ONCE = 1000


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

    def discard(self, *attributes: Any) -> None:
        """Delete what such attributes refer to: nothing refers to it any more."""
        ...


class BucketTextStore:
    """Keeps large texts in the bucket, under the tenant's prefix.

    A text is put before the transaction that refers to it; if that fails, an object is left that
    nothing refers to.

    Args:
        client: an S3 client.
        bucket: the bucket's name.
        prefix: where in the bucket. What is under `PASSING` is deleted by the bucket's lifecycle.
    """

    def __init__(self, client: "S3Client", bucket: str, prefix: str = LASTING) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def pack(self, tenant: str, text: str) -> "AttributeValueTypeDef":
        """Return the attribute that holds a text, or says where it is."""
        if len(text) * 4 <= MAX_INLINE_BYTES:
            return {"S": text}
        data = text.encode()
        if len(data) <= MAX_INLINE_BYTES:
            return {"S": text}
        key = f"{self._prefix}/{tenant}/{secrets.token_hex(16)}"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data)
        return {"M": {"object": {"S": key}}}

    def unpack(self, attribute: Any) -> str:
        """Return the text of such an attribute."""
        if "S" in attribute:
            return str(attribute["S"])
        key = _object_key(attribute)
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()

    def discard(self, *attributes: Any) -> None:
        """Delete what such attributes refer to: nothing refers to it any more."""
        keys = [key for attribute in attributes if (key := _object_key(attribute)) is not None]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            named: list[ObjectIdentifierTypeDef] = [
                {"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]
            ]
            self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": named, "Quiet": True}
            )


def _object_key(attribute: Any) -> Any:
    """Return the key of the object that an attribute refers to; None if it refers to none."""
    return attribute.get("M", {}).get("object", {}).get("S")
