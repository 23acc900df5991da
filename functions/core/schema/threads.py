"""Threads: conversations."""

from typing import Literal

from core.schema.common import Metadata, RequestModel, WireModel
from core.schema.messages import CreateMessage


class Thread(WireModel):
    """A thread as clients see it."""

    id: str
    object: Literal["thread"] = "thread"
    created_at: int
    tool_resources: None = None
    metadata: dict[str, str]


class CreateThread(RequestModel):
    """The body of `POST /v1/threads`; it may be empty."""

    messages: list[CreateMessage] | None = None
    metadata: Metadata | None = None
