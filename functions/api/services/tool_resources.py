"""What tools may use: checked when an assistant or a thread names it."""

from api.services.file_references import check_files, files_of_resources
from core.errors import InvalidRequest
from core.schema.resources import ToolResources, ToolResourcesRequest
from wiring.bootstrap import ClientContext


def requested_resources(request: ToolResourcesRequest | None, at: str = "") -> ToolResources | None:
    """Return the resources of a new assistant or thread, as they are stored and shown.

    Whether their files are there is for the caller to check, with all files of its request.

    Args:
        request: as the client sent them.
        at: what stands before `tool_resources` in the request.

    Raises:
        InvalidRequest: they name what is not served.
    """
    if request is None:
        return None
    if request.file_search is not None and request.file_search.vector_stores:
        raise _unserved(f"{at}tool_resources.file_search.vector_stores")
    named = request.model_dump(exclude_none=True, exclude={"file_search": {"vector_stores"}})
    resources = ToolResources.model_validate(named)
    _refuse_stores(resources, at)
    return resources


def given_resources(context: ClientContext, tenant: str, resources: ToolResources) -> None:
    """Check the resources that an assistant or a thread is given in place of its own.

    Raises:
        InvalidRequest: they name what is not there, or is not served.
    """
    _refuse_stores(resources)
    check_files(context, tenant, files_of_resources(resources))


def _refuse_stores(resources: ToolResources, at: str = "") -> None:
    if resources.file_search is not None and resources.file_search.vector_store_ids:
        raise _unserved(f"{at}tool_resources.file_search.vector_store_ids")


def _unserved(param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Unsupported value: '{param}': vector stores and file search are not served here yet. "
        "Attach files to messages instead.",
        param=param,
        code="unsupported_value",
    )
