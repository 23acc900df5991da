"""Files: a record in the state table, and a content in the bucket.

A content is put before its record, and deleted before it: whatever breaks off, no record is left
that nobody can delete. A file that has expired is gone for every reader at once; `delete` takes
what is left of it.
"""

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb import keyspace
from adapters.dynamodb.documents import Documents
from adapters.dynamodb.transactions import Receipt
from adapters.dynamodb.values import TextStore, scalar
from adapters.file_bucket import FileBucket
from core.clock import Clock
from core.paging import PageQuery, page_of
from core.schema.common import ListPage
from core.schema.files import FileRecord

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class FileStore:
    """Files by tenant and id.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        texts: takes documents that are too large for an item.
        bucket: keeps the contents.
        clock: tells which files have expired.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        texts: TextStore,
        bucket: FileBucket,
        clock: Clock,
    ) -> None:
        self._documents = Documents(client, table, texts)
        self._bucket = bucket
        self._clock = clock

    def create(
        self,
        tenant: str,
        record: FileRecord,
        content: IO[bytes],
        receipt: Receipt | None = None,
    ) -> None:
        """Store a new file.

        Args:
            tenant: whose it is.
            record: what is known of it.
            content: its content, which can be read from the start as often as need be.
            receipt: the record of the answer.

        Raises:
            Repeated: the request was answered before; nothing was stored.
        """
        self._bucket.put(tenant, record.id, content)
        more = {"purpose": scalar(record.purpose)}
        if record.expires_at is not None:
            more["expires_at"] = scalar(record.expires_at)
        try:
            self._documents.create(
                tenant, keyspace.files(tenant), record.id, record, receipt, **more
            )
        except (BotoCoreError, ClientError):
            # The record may be written all the same, and then it needs its content.
            raise
        except Exception:
            self._bucket.discard(tenant, record.id)
            raise

    def get(self, tenant: str, file_id: str) -> FileRecord | None:
        """Return what is known of a file; None if there is none."""
        record = self._documents.get(keyspace.files(tenant), file_id, FileRecord)
        return record if record is not None and self._is_live(record) else None

    def get_many(self, tenant: str, file_ids: Sequence[str]) -> dict[str, FileRecord]:
        """Return those files that exist, by id, in a request a hundred."""
        found = self._documents.get_many(keyspace.files(tenant), file_ids, FileRecord)
        return {file_id: record for file_id, record in found.items() if self._is_live(record)}

    def list(self, tenant: str, query: PageQuery, purpose: str | None) -> ListPage[FileRecord]:
        """Return a page of a tenant's files, or of those with a purpose."""
        records = self._documents.page(
            keyspace.files(tenant),
            "",
            query,
            FileRecord,
            where=None if purpose is None else ("purpose", purpose),
            live_at=self._now(),
        )
        return page_of(records, query, lambda record: record.id)

    def read(self, tenant: str, file_id: str, limit: int) -> bytes:
        """Return the first bytes of a file's content, at most `limit` of them.

        Raises:
            ContentMissing: there is no such file.
        """
        return self._bucket.read(tenant, file_id, limit)

    def delete(self, tenant: str, file_id: str) -> bool:
        """Delete a file, expired or not; tell whether there was one.

        If it breaks off, it can be repeated.
        """
        self._bucket.delete(tenant, file_id)
        return self._documents.delete(keyspace.files(tenant), file_id)

    def _is_live(self, record: FileRecord) -> bool:
        return record.expires_at is None or record.expires_at > self._now()

    def _now(self) -> int:
        return self._clock() // 1000
