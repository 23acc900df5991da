"""Objects that a request names: found in the caller's project, or a 404 in OpenAI's words."""

from typing import TypeVar

from core.errors import NotFound, file_not_found, not_found
from core.ids import is_well_formed
from core.records import RunRecord
from core.schema.assistants import AssistantRecord
from core.schema.files import FileRecord
from core.schema.organization import Project
from core.schema.threads import Thread
from wiring.bootstrap import ClientContext

T = TypeVar("T")
_LONGEST_SHOWN = 100


def missing(kind: str, identifier: str, *, param: str | None = None) -> NotFound:
    """Return the 404 for an object; a long id is cut."""
    return not_found(kind, shown(identifier), param=param)


def shown(identifier: str) -> str:
    """Return an id as errors show it."""
    return identifier[:_LONGEST_SHOWN]


def well_formed(kind: str, identifier: str, *, param: str | None = None) -> str:
    """Return an id that may become part of a key.

    Raises:
        NotFound: it cannot be the id of anything.
    """
    if not is_well_formed(identifier):
        raise missing(kind, identifier, param=param)
    return identifier


def found(kind: str, identifier: str, record: T | None, *, param: str | None = None) -> T:
    """Return what a store returned.

    Raises:
        NotFound: that was nothing.
    """
    if record is None:
        raise missing(kind, identifier, param=param)
    return record


def require_assistant(context: ClientContext, tenant: str, assistant_id: str) -> AssistantRecord:
    """Return an assistant, or raise NotFound."""
    well_formed("assistant", assistant_id)
    return found("assistant", assistant_id, context.objects.get_assistant(tenant, assistant_id))


def require_file(context: ClientContext, tenant: str, file_id: str) -> FileRecord:
    """Return what is known of a file, or raise NotFound."""
    record = context.files.get(tenant, file_id) if is_well_formed(file_id) else None
    if record is None:
        raise file_not_found(file_id)
    return record


def require_thread(context: ClientContext, tenant: str, thread_id: str) -> Thread:
    """Return a thread, or raise NotFound."""
    well_formed("thread", thread_id)
    return found("thread", thread_id, context.threads.get(tenant, thread_id))


def require_run(context: ClientContext, tenant: str, thread_id: str, run_id: str) -> RunRecord:
    """Return a run of a thread, or raise NotFound for whichever of the two is missing."""
    well_formed("thread", thread_id)
    run = context.runs.get(tenant, thread_id, well_formed("run", run_id))
    if run is None:
        require_thread(context, tenant, thread_id)
    return found("run", run_id, run)


def require_project(context: ClientContext, project_id: str) -> Project:
    """Return a project, or raise NotFound."""
    well_formed("project", project_id)
    return found("project", project_id, context.objects.get_project(project_id))
