"""Use cases of files."""

from adapters.file_bucket import ContentMissing
from api.services.lookups import require_file
from api.services.pages import fitting
from api.uploads import Upload
from core.errors import file_not_found
from core.idempotency import Attempt
from core.jobs import FileTtlJob
from core.paging import PageQuery
from core.schema.common import DeletedObject, ListPage
from core.schema.files import File, FileRecord
from wiring.bootstrap import ApiContext


def create_file(context: ApiContext, tenant: str, upload: Upload, attempt: Attempt) -> File:
    """Store an uploaded file.

    Raises:
        Repeated: it was stored by an earlier attempt.
    """
    once = context.answers.once(tenant, attempt.renewed(upload.fingerprint))
    now = context.clock() // 1000
    expiry = upload.request.expires_after
    record = FileRecord(
        id=context.ids.new("file", "-"),
        filename=upload.filename,
        bytes=upload.size,
        content_type=upload.content_type,
        image_type=upload.image_type,
        purpose=upload.request.purpose,
        created_at=now,
        expires_at=None if expiry is None else now + expiry.seconds,
    )
    file = record.to_wire()
    if record.expires_at is not None:
        # Before the file is there: whatever dies after that, it does not outlive its time.
        job = FileTtlJob(tenant=tenant, file_id=record.id, expires_at=record.expires_at)
        context.queues.send_timer(job, record.expires_at - now)
    context.files.create(tenant, record, upload.content, once.receipt(file.model_dump_json()))
    return file


def get_file(context: ApiContext, tenant: str, file_id: str) -> File:
    """Return a file, or raise NotFound."""
    return require_file(context, tenant, file_id).to_wire()


def list_files(
    context: ApiContext, tenant: str, query: PageQuery, purpose: str | None
) -> ListPage[File]:
    """Return a page of the project's files, or of those with a purpose."""
    page = context.files.list(tenant, query, purpose)
    files = [record.to_wire() for record in page.data]
    return fitting(
        ListPage[File](
            data=files, first_id=page.first_id, last_id=page.last_id, has_more=page.has_more
        ),
        query,
    )


def read_file(context: ApiContext, tenant: str, file_id: str) -> tuple[FileRecord, bytes]:
    """Return a file and its content, or raise NotFound."""
    record = require_file(context, tenant, file_id)
    try:
        return record, context.files.read(tenant, file_id, record.bytes)
    except ContentMissing:
        raise file_not_found(file_id) from None


def delete_file(context: ApiContext, tenant: str, file_id: str) -> DeletedObject:
    """Delete a file, or raise NotFound. What refers to it keeps its id."""
    require_file(context, tenant, file_id)
    if not context.files.delete(tenant, file_id):
        raise file_not_found(file_id)
    return DeletedObject(id=file_id, object="file")
