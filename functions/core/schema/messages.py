"""Messages: what stands in a thread."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from core.schema.common import Metadata, RequestModel, WireModel

MAX_TEXT = 256_000
MAX_ATTACHMENTS = 20

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


class ImageFile(RequestModel):
    """An image by the file that holds it; `detail` as the model takes it."""

    file_id: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImageFileContent(WireModel):
    """A part of a message that is an uploaded image."""

    type: Literal["image_file"] = "image_file"
    image_file: ImageFile


MessageContent = Annotated[
    TextContent | RefusalContent | ImageUrlContent | ImageFileContent, Field(discriminator="type")
]


class AttachmentTool(RequestModel):
    """A tool that an attached file is given to."""

    type: Literal["code_interpreter", "file_search"]


class Attachment(RequestModel):
    """A file that goes with a message."""

    file_id: str
    tools: list[AttachmentTool] = Field(default_factory=list)


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
    attachments: list[Attachment] = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)


class TextPart(RequestModel):
    """Text in a request."""

    type: Literal["text"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]


class ImageUrlPart(RequestModel):
    """An image in a request."""

    type: Literal["image_url"]
    image_url: ImageUrl


class ImageFilePart(RequestModel):
    """An uploaded image in a request."""

    type: Literal["image_file"]
    image_file: ImageFile


MessagePart = Annotated[TextPart | ImageUrlPart | ImageFilePart, Field(discriminator="type")]


class CreateMessage(RequestModel):
    """The body of `POST /v1/threads/{thread_id}/messages`, and a message of a new thread or run.

    Attributes:
        file_ids: files in the words of the API's first version; they become attachments.
    """

    role: Literal["user", "assistant"]
    content: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
        | Annotated[list[MessagePart], Field(min_length=1)]
    )
    attachments: Annotated[list[Attachment], Field(max_length=MAX_ATTACHMENTS)] | None = None
    file_ids: Annotated[list[str], Field(max_length=MAX_ATTACHMENTS)] | None = None
    metadata: Metadata | None = None

    def attached(self) -> list[Attachment]:
        """Return the files that go with the message, each named once."""
        attachments = list(self.attachments or [])
        named = {attachment.file_id for attachment in attachments}
        for file_id in self.file_ids or []:
            if file_id not in named:
                named.add(file_id)
                attachments.append(Attachment(file_id=file_id))
        return attachments


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
    return Message(
        id=message_id,
        created_at=now,
        thread_id=thread_id,
        status="completed",
        role=request.role,
        content=[_content(part) for part in parts],
        attachments=request.attached(),
        metadata=request.metadata or {},
    )


def _content(
    part: TextPart | ImageUrlPart | ImageFilePart,
) -> TextContent | ImageUrlContent | ImageFileContent:
    if isinstance(part, TextPart):
        return TextContent(text=Text(value=part.text))
    if isinstance(part, ImageUrlPart):
        return ImageUrlContent(image_url=part.image_url)
    return ImageFileContent(image_file=part.image_file)
