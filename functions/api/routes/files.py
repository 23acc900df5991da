"""`/v1/files`."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Query, Response

from api.dependencies import After, Context, Order, Tenant, file_cursor
from api.idempotency import ThisAttempt
from api.routes.routers import project_router
from api.services import files
from api.uploads import Uploaded, upload_body
from core.paging import PageQuery
from core.schema.common import DeletedObject, ListPage
from core.schema.files import File

MAX_PAGE = 10_000
router = project_router("Files")


async def _page(
    limit: Annotated[
        int, Query(ge=1, le=MAX_PAGE, description="How many files the page may have.")
    ] = MAX_PAGE,
    order: Order = "desc",
    after: After = None,
) -> PageQuery:
    return PageQuery(limit, order, file_cursor(after))


Page = Annotated[PageQuery, Depends(_page)]
OfPurpose = Annotated[str | None, Query(alias="purpose", description="Only files for this.")]


@router.post("/v1/files", openapi_extra=upload_body())
def create_file(context: Context, tenant: Tenant, upload: Uploaded, attempt: ThisAttempt) -> File:
    """Upload a file."""
    return files.create_file(context, tenant, upload, attempt)


@router.get("/v1/files")
def list_files(
    context: Context, tenant: Tenant, query: Page, purpose: OfPurpose = None
) -> ListPage[File]:
    """List the project's files."""
    return files.list_files(context, tenant, query, purpose or None)


@router.get("/v1/files/{file_id}")
def get_file(context: Context, tenant: Tenant, file_id: str) -> File:
    """Return what is known of a file."""
    return files.get_file(context, tenant, file_id)


@router.delete("/v1/files/{file_id}")
def delete_file(context: Context, tenant: Tenant, file_id: str) -> DeletedObject:
    """Delete a file; messages that name it keep its id."""
    return files.delete_file(context, tenant, file_id)


@router.get(
    "/v1/files/{file_id}/content",
    response_class=Response,
    responses={
        200: {
            "description": "The file, as it was uploaded.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
def get_file_content(context: Context, tenant: Tenant, file_id: str) -> Response:
    """Return a file's content."""
    record, content = files.read_file(context, tenant, file_id)
    headers = {
        "content-type": record.content_type,
        "content-disposition": _attachment(record.filename),
        # It is what somebody uploaded: no browser shall take it for a page of ours.
        "x-content-type-options": "nosniff",
    }
    return Response(content, headers=headers)


def _attachment(filename: str) -> str:
    """Return the header that names a file to be saved (RFC 6266, RFC 8187)."""
    quoted = quote(filename, safe="")
    if quoted == filename:
        return f'attachment; filename="{filename}"'
    return f"attachment; filename*=utf-8''{quoted}"
