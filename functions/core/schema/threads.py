"""Threads: conversations."""

from typing import Annotated, Literal

from pydantic import Field

from core.schema.common import Metadata, RequestModel, WireModel
from core.schema.messages import CreateMessage
from core.schema.resources import ToolResources, ToolResourcesRequest

# An extension: from a minute to ten years.
TtlSeconds = Annotated[int, Field(ge=60, le=315_360_000)]


class Thread(WireModel):
    """A thread as clients see it.

    Attributes:
        ttl_seconds: an extension, shown where it was given: the thread is deleted when it has lain
            idle for this long.
    """

    id: str
    object: Literal["thread"] = "thread"
    created_at: int
    tool_resources: ToolResources | None = None
    metadata: dict[str, str]
    ttl_seconds: int | None = Field(default=None, exclude_if=lambda value: value is None)


class CreateThread(RequestModel):
    """The body of `POST /v1/threads`; it may be empty."""

    messages: list[CreateMessage] | None = None
    tool_resources: ToolResourcesRequest | None = None
    metadata: Metadata | None = None
    ttl_seconds: TtlSeconds | None = None


class ModifyThread(RequestModel):
    """The body of `POST /v1/threads/{thread_id}`: what it does not name stays as it is."""

    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None
