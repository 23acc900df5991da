"""The contents of files, as objects of the bucket."""

from contextlib import closing, suppress
from typing import IO, TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PREFIX: Final = "files"
# S3 says the second of what is not there to callers that may not list the bucket, as ours may not.
_MISSING: Final = frozenset({"NoSuchKey", "AccessDenied"})


class ContentMissing(Exception):
    """The file's content is not in the bucket, or not any more."""


class FileBucket:
    """Keeps contents under the tenant's prefix, by the file's id.

    Args:
        client: an S3 client.
        bucket: the bucket's name.
    """

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, tenant: str, file_id: str, content: IO[bytes]) -> None:
        """Store a content, read from the start of a file that can be read anew."""
        content.seek(0)
        self._client.put_object(Bucket=self._bucket, Key=_key(tenant, file_id), Body=content)

    def read(self, tenant: str, file_id: str, limit: int) -> bytes:
        """Return the first bytes of a content.

        Args:
            tenant: whose file it is.
            file_id: the file.
            limit: at most this many bytes.

        Raises:
            ContentMissing: there is none.
        """
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=_key(tenant, file_id))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                raise ContentMissing from None
            raise
        with closing(found["Body"]) as body:
            return body.read(limit)

    def delete(self, tenant: str, file_id: str) -> None:
        """Delete a content, whether or not there is one."""
        self._client.delete_object(Bucket=self._bucket, Key=_key(tenant, file_id))

    def discard(self, tenant: str, file_id: str) -> None:
        """Delete a content that nothing refers to; if that fails, it is only storage."""
        with suppress(BotoCoreError, ClientError):
            self.delete(tenant, file_id)


def _key(tenant: str, file_id: str) -> str:
    return f"{PREFIX}/{tenant}/{file_id}"
