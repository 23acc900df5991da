"""Files that a request names: each must be there, and serve for what it is named for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import InvalidRequest, no_file
from core.ids import is_well_formed
from core.schema.messages import CreateMessage, ImageFilePart
from core.schema.resources import ToolResources, ToolResourcesRequest
from wiring.bootstrap import ClientContext


@dataclass(frozen=True, slots=True)
class FileReference:
    """A place at which a request names a file.

    Attributes:
        file_id: the file.
        param: the place, as errors call it: `messages[0].attachments[1].file_id`.
        as_image: whether it must be an image.
    """

    file_id: str
    param: str
    as_image: bool = False


def files_of_message(message: CreateMessage, at: str = "") -> list[FileReference]:
    """Return the files that a message names.

    Args:
        message: as the client sent it.
        at: what stands before its fields in the request: `messages[0].`.

    Raises:
        InvalidRequest: a file is given to a tool that is not served.
    """
    found: list[FileReference] = []
    for index, attachment in enumerate(message.attachments or []):
        param = f"{at}attachments[{index}]"
        if attachment.tools:
            raise _unserved_tool(attachment.tools[0].type, f"{param}.tools[0].type")
        found.append(FileReference(attachment.file_id, f"{param}.file_id"))
    found += _listed(message.file_ids, f"{at}file_ids")
    if not isinstance(message.content, str):
        found += [
            FileReference(part.image_file.file_id, f"{at}content[{index}].image_file.file_id", True)
            for index, part in enumerate(message.content)
            if isinstance(part, ImageFilePart)
        ]
    return found


def files_of_messages(messages: Sequence[CreateMessage] | None, at: str) -> list[FileReference]:
    """Return the files that a list of messages names; `at` is the list's own field."""
    return [
        reference
        for index, message in enumerate(messages or [])
        for reference in files_of_message(message, f"{at}[{index}].")
    ]


def files_of_resources(
    resources: ToolResources | ToolResourcesRequest | None, at: str = ""
) -> list[FileReference]:
    """Return the files that a code interpreter may read; `at` stands before `tool_resources`."""
    if resources is None or resources.code_interpreter is None:
        return []
    listed = resources.code_interpreter.file_ids
    return list(_listed(listed, f"{at}tool_resources.code_interpreter.file_ids"))


def check_files(context: ClientContext, tenant: str, references: Sequence[FileReference]) -> None:
    """Check that the files are there, with one read for all of them, and none for none.

    Raises:
        InvalidRequest: one is not, or it must be an image and is none.
    """
    wanted = sorted({found.file_id for found in references if is_well_formed(found.file_id)})
    files = context.files.get_many(tenant, wanted) if wanted else {}
    for reference in references:
        file = files.get(reference.file_id)
        if file is None:
            raise InvalidRequest(no_file(reference.file_id), param=reference.param)
        if reference.as_image and file.image_type is None:
            raise InvalidRequest(
                f"Invalid '{reference.param}': the file is no image that models take (PNG, JPEG, "
                "GIF or WebP).",
                param=reference.param,
                code="invalid_value",
            )


def _listed(file_ids: Sequence[str] | None, param: str) -> Iterator[FileReference]:
    for index, file_id in enumerate(file_ids or []):
        yield FileReference(file_id, f"{param}[{index}]")


def _unserved_tool(tool: str, param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Unsupported value: '{tool}' is not served here yet. Attach the file without 'tools'.",
        param=param,
        code="unsupported_value",
    )
