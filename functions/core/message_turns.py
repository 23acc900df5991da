"""A thread's messages as the model reads them: words, images, and which files were attached."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.schema.messages import (
    ImageFileContent,
    ImageUrlContent,
    Message,
    MessageContent,
    RefusalContent,
    TextContent,
)
from core.tokens import MESSAGE_TOKENS, estimate_tokens, image_tokens

# A sentence with a name and an id.
_FILE_TOKENS: Final = 36


@dataclass(frozen=True, slots=True)
class ToldFile:
    """What the model may be told of a file that is there.

    Attributes:
        filename: its name as it was uploaded.
        data_url: its content as a `data:` URL, if it is an image that could be read.
    """

    filename: str
    data_url: str | None = None


def message_turn(message: Message, files: Mapping[str, ToldFile]) -> dict[str, Any] | None:
    """Return a message as a turn of the chat; None if it says nothing.

    Args:
        message: the message.
        files: the files that it names, by id; those that are missing were deleted.
    """
    if not is_told(message):
        return None
    parts = [_part(part, files) for part in _content(message)]
    for attachment in message.attachments:
        parts.append(_text_part(_attached(message, attachment.file_id, files)))
    if any(part["type"] != "text" for part in parts):
        return {"role": message.role, "content": parts}
    return {"role": message.role, "content": "\n".join(part["text"] for part in parts)}


def joined_text(message: Message) -> str:
    """Return a message's words."""
    return "\n".join(_text(part) for part in _words(message))


def image_files(message: Message) -> list[str]:
    """Return the ids of the uploaded images that a message shows to the model."""
    if message.role != "user":
        return []
    return [
        part.image_file.file_id for part in message.content if isinstance(part, ImageFileContent)
    ]


def named_files(message: Message) -> list[str]:
    """Return the ids of all files that the model is told of with a message."""
    return [*image_files(message), *(attached.file_id for attached in message.attachments)]


def is_told(message: Message) -> bool:
    """Tell whether the model reads anything of a message.

    An assistant's turn without words is none: some endpoints refuse a request with an empty one.
    """
    if message.role == "assistant" and not joined_text(message).strip():
        return bool(message.attachments)
    return bool(_content(message) or message.attachments)


def message_tokens(message: Message) -> int:
    """Return what a message costs, before its files are known."""
    tokens = MESSAGE_TOKENS + _FILE_TOKENS * len(message.attachments)
    return tokens + sum(_part_tokens(part) for part in _content(message))


def _content(message: Message) -> list[MessageContent]:
    # The chat format has no images in an assistant's turn.
    return message.content if message.role == "user" else _words(message)


def _words(message: Message) -> list[MessageContent]:
    return [part for part in message.content if isinstance(part, TextContent | RefusalContent)]


def _part_tokens(part: MessageContent) -> int:
    if isinstance(part, ImageUrlContent):
        return image_tokens(part.image_url.detail)
    if isinstance(part, ImageFileContent):
        return image_tokens(part.image_file.detail)
    return estimate_tokens(_text(part))


def _part(part: MessageContent, files: Mapping[str, ToldFile]) -> dict[str, Any]:
    if isinstance(part, ImageUrlContent):
        return {"type": "image_url", "image_url": part.image_url.model_dump()}
    if isinstance(part, ImageFileContent):
        return _image(part, files)
    return _text_part(_text(part))


def _image(part: ImageFileContent, files: Mapping[str, ToldFile]) -> dict[str, Any]:
    image = part.image_file
    file = files.get(image.file_id)
    if file is None:
        return _text_part(f"Here was an image that has been deleted since ({image.file_id}).")
    if file.data_url is None:
        name = _quoted(file.filename)
        return _text_part(f"Here is an image that could not be read: {name} ({image.file_id}).")
    return {"type": "image_url", "image_url": {"url": file.data_url, "detail": image.detail}}


def _attached(message: Message, file_id: str, files: Mapping[str, ToldFile]) -> str:
    file = files.get(file_id)
    if file is None:
        return f"The {message.role} attached a file that has been deleted since ({file_id})."
    return f"The {message.role} attached the file {_quoted(file.filename)} ({file_id})."


def _quoted(name: str) -> str:
    # A name that holds quotes or line breaks stays within its quotes.
    return json.dumps(name, ensure_ascii=False)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _text(part: MessageContent) -> str:
    if isinstance(part, TextContent):
        return part.text.value
    return part.refusal if isinstance(part, RefusalContent) else ""
