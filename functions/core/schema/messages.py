"""Messages: what stands in a thread."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from core.schema.common import Metadata, RequestModel, WireModel

MAX_TEXT = 256_000

IncompleteReason = Literal[
    "content_filter", "max_tokens", "run_cancelled", "run_expired", "run_failed"
]


class Text(WireModel):
    """Text with its annotations."""

    value: str
    annotations: list[dict[str, Any]] = Field(default_factory=list)


class TextContent(WireModel):
    """A part of a message that is text."""

    type: Literal["text"] = "text"
    text: Text


class RefusalContent(WireModel):
    """A part of a message in which the model declines."""

    type: Literal["refusal"] = "refusal"
    refusal: str


class ImageUrl(RequestModel):
    """An image by its URL; `detail` as the model takes it."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImageUrlContent(WireModel):
    """A part of a message that is an image on the web."""

    type: Literal["image_url"] = "image_url"
    image_url: ImageUrl


MessageContent = Annotated[
    TextContent | RefusalContent | ImageUrlContent, Field(discriminator="type")
]


class MessageIncompleteDetails(WireModel):
    """Why a message is not whole."""

    reason: IncompleteReason


class Message(WireModel):
    """A message as clients see it, and as it is stored."""

    id: str
    object: Literal["thread.message"] = "thread.message"
    created_at: int
    thread_id: str
    status: Literal["in_progress", "incomplete", "completed"]
    incomplete_details: MessageIncompleteDetails | None = None
    completed_at: int | None = None
    incomplete_at: int | None = None
    role: Literal["user", "assistant"]
    content: list[MessageContent]
    assistant_id: str | None = None
    run_id: str | None = None
    attachments: list[dict[str, Any]] = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)


class TextPart(RequestModel):
    """Text in a request."""

    type: Literal["text"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]


class ImageUrlPart(RequestModel):
    """An image in a request."""

    type: Literal["image_url"]
    image_url: ImageUrl


MessagePart = Annotated[TextPart | ImageUrlPart, Field(discriminator="type")]


class CreateMessage(RequestModel):
    """The body of `POST /v1/threads/{thread_id}/messages`, and a message of a new thread or run."""

    role: Literal["user", "assistant"]
    content: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
        | Annotated[list[MessagePart], Field(min_length=1)]
    )
    metadata: Metadata | None = None


def message_from_request(
    request: CreateMessage, *, message_id: str, thread_id: str, now: int
) -> Message:
    """Return the message that a request makes: born completed, texts as parts.

    Args:
        request: what the client sent.
        message_id: the new message's id.
        thread_id: the thread that it goes into.
        now: unix seconds.
    """
    parts = (
        [TextPart(type="text", text=request.content)]
        if isinstance(request.content, str)
        else request.content
    )
    content: list[TextContent | RefusalContent | ImageUrlContent] = [
        TextContent(text=Text(value=part.text))
        if isinstance(part, TextPart)
        else ImageUrlContent(image_url=part.image_url)
        for part in parts
    ]
    return Message(
        id=message_id,
        created_at=now,
        thread_id=thread_id,
        status="completed",
        role=request.role,
        content=content,
        metadata=request.metadata or {},
    )
