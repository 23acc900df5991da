"""Reads what the model is told of the files that its messages name."""

from collections.abc import Mapping, Sequence
from typing import Final

from adapters.files import FileStore
from core.ids import is_well_formed
from core.images import data_url
from core.message_turns import ToldFile, image_files, named_files
from core.schema.files import FileRecord
from core.schema.messages import Message
from wiring.telemetry import log_failure

# An image grows by a third as text, and the runner has 512 MB for all copies of a request.
MAX_IMAGE_BYTES: Final = 8_000_000
MAX_REQUEST_BYTES: Final = 24_000_000


def load_files(source: FileStore, tenant: str, messages: Sequence[Message]) -> dict[str, ToldFile]:
    """Return the files that messages name, by id, images with their content.

    Asks for all files at once. The images of the newest messages are read first, until a request
    holds `MAX_REQUEST_BYTES` of them; one that is larger than `MAX_IMAGE_BYTES`, in no format that
    models read, or cannot be read is left without its content.
    """
    named = dict.fromkeys(file_id for message in messages for file_id in named_files(message))
    ids = [file_id for file_id in named if is_well_formed(file_id)]
    found = source.get_many(tenant, ids) if ids else {}
    images = _read_images(source, tenant, messages, found)
    return {
        file_id: ToldFile(file.filename, images.get(file_id)) for file_id, file in found.items()
    }


def _read_images(
    source: FileStore, tenant: str, messages: Sequence[Message], found: Mapping[str, FileRecord]
) -> dict[str, str]:
    newest_first = (file_id for message in reversed(messages) for file_id in image_files(message))
    left = MAX_REQUEST_BYTES
    urls: dict[str, str] = {}
    for file_id in dict.fromkeys(newest_first):
        file = found.get(file_id)
        if file is None or file.bytes > min(left, MAX_IMAGE_BYTES):
            continue
        url = data_url(_read(source, tenant, file_id, file.bytes))
        if url is not None:
            left -= file.bytes
            urls[file_id] = url
    return urls


def _read(source: FileStore, tenant: str, file_id: str, size: int) -> bytes:
    try:
        content = source.read(tenant, file_id, size)
    except Exception as error:
        # The conversation goes on without the image; the model is told that it is missing.
        log_failure("an image could not be read", error)
        return b""
    return content if len(content) == size else b""
