"""Parts of OpenAI's API that are not served yet: a clear no, not the 404 of a mistyped path."""

from typing import Final

from fastapi import Request

from api.azure import client_path
from api.routes.routers import project_router
from core.errors import InvalidRequest

router = project_router("Not served")
_METHODS: Final = ["GET", "POST", "DELETE"]
_LONGEST_PATH: Final = 200
_INSTEAD: Final = {
    "uploads": (
        "Uploads in parts are not served here yet. Send a file in one request, with POST /v1/files."
    ),
    "vector_stores": (
        "Vector stores and file search are not served here yet. Attach files to messages, or give "
        "the assistant a function that searches."
    ),
}


@router.api_route("/v1/uploads", methods=_METHODS, include_in_schema=False)
@router.api_route("/v1/uploads/{rest:path}", methods=_METHODS, include_in_schema=False)
def refuse_uploads(request: Request) -> None:
    """Refuse whatever is asked of uploads."""
    raise _refusal("uploads", request)


@router.api_route("/v1/vector_stores", methods=_METHODS, include_in_schema=False)
@router.api_route("/v1/vector_stores/{rest:path}", methods=_METHODS, include_in_schema=False)
def refuse_vector_stores(request: Request) -> None:
    """Refuse whatever is asked of vector stores."""
    raise _refusal("vector_stores", request)


def _refusal(resource: str, request: Request) -> InvalidRequest:
    place = f"{request.method} {client_path(request)[:_LONGEST_PATH]}"
    return InvalidRequest(f"{_INSTEAD[resource]} ({place})", code="not_served")
