"""What tools may use: checked when an assistant or a thread names it."""

from core.errors import InvalidRequest
from core.schema.resources import ToolResources, ToolResourcesRequest
from wiring.bootstrap import ApiContext


def requested_resources(
    context: ApiContext, tenant: str, request: ToolResourcesRequest | None
) -> ToolResources | None:
    """Return the resources of a new assistant or thread, as they are stored and shown.

    Raises:
        InvalidRequest: they name what is not there, or is not served.
    """
    if request is None:
        return None
    if request.file_search is not None and request.file_search.vector_stores:
        raise _unserved("tool_resources.file_search.vector_stores")
    named = request.model_dump(exclude_none=True, exclude={"file_search": {"vector_stores"}})
    resources = ToolResources.model_validate(named)
    given_resources(context, tenant, resources)
    return resources


def given_resources(context: ApiContext, tenant: str, resources: ToolResources) -> None:
    """Check the resources that an assistant or a thread is given.

    Raises:
        InvalidRequest: they name what is not there, or is not served.
    """
    if resources.file_search is not None and resources.file_search.vector_store_ids:
        raise _unserved("tool_resources.file_search.vector_store_ids")


def _unserved(param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Unsupported value: '{param}': vector stores and file search are not served here yet. "
        "Attach files to messages instead.",
        param=param,
        code="unsupported_value",
    )
