"""What the other end of a connection may reach."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """Whose connection it is.

    Attributes:
        tenant: the project.
        key_id: the service account whose key, or whose key's ticket, opened it.
        thread_id: the one thread that it may reach; None for all of the project's.
    """

    tenant: str
    key_id: str
    thread_id: str | None = None

    def admits(self, thread_id: str | None) -> bool:
        """Tell whether a thread may be reached; None is one that has yet to be made."""
        return self.thread_id is None or thread_id == self.thread_id
