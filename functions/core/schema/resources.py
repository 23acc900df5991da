"""What tools may use (`tool_resources`): files of a code interpreter, stores of a file search."""

from typing import Annotated, Any

from pydantic import Field

from core.schema.common import RequestModel

MAX_INTERPRETER_FILES = 20
MAX_VECTOR_STORES = 1


class CodeInterpreterResources(RequestModel):
    """Files that a code interpreter may read."""

    file_ids: Annotated[list[str], Field(default_factory=list, max_length=MAX_INTERPRETER_FILES)]


class FileSearchResources(RequestModel):
    """Stores that a file search looks through."""

    vector_store_ids: Annotated[
        list[str], Field(default_factory=list, max_length=MAX_VECTOR_STORES)
    ]


class FileSearchRequest(FileSearchResources):
    """The same when an assistant or a thread is made: a store may be made with it."""

    vector_stores: Annotated[list[dict[str, Any]], Field(max_length=MAX_VECTOR_STORES)] | None = (
        None
    )


class ToolResources(RequestModel):
    """The resources of an assistant's or a thread's tools, as clients see them."""

    code_interpreter: CodeInterpreterResources | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    file_search: FileSearchResources | None = Field(
        default=None, exclude_if=lambda value: value is None
    )


class ToolResourcesRequest(RequestModel):
    """The resources as they are given when an assistant or a thread is made."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: FileSearchRequest | None = None
