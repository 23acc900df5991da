"""What the runner needs of the store of files."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class StoredFile(Protocol):
    """A file that was uploaded; its content stands elsewhere."""

    @property
    def filename(self) -> str:
        """Its name as it was uploaded."""
        ...

    @property
    def bytes(self) -> int:
        """Its size."""
        ...


class FileSource(Protocol):
    """Where a project's files are."""

    def get_many(self, tenant: str, ids: Sequence[str]) -> Mapping[str, StoredFile]:
        """Return those files that exist, by id, in a request a hundred."""
        ...

    def read(self, tenant: str, file_id: str, limit: int) -> bytes:
        """Return a file's content, up to `limit` bytes of it."""
        ...
