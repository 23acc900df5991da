"""Partition and sort keys, tenant first: a key of another tenant cannot even be formed."""

import hashlib

from core.event_log import EventId


def assistants(tenant: str) -> str:
    """Partition of a tenant's assistants."""
    return f"{tenant}#asst"


def actions(tenant: str) -> str:
    """Partition of a tenant's actions."""
    return f"{tenant}#action"


def files(tenant: str) -> str:
    """Partition of a tenant's files."""
    return f"{tenant}#file"


def threads(tenant: str) -> str:
    """Partition of a tenant's threads, as clients see them: what can be listed."""
    return f"{tenant}#thread"


def service_accounts(tenant: str) -> str:
    """Partition of a project's service accounts."""
    return f"{tenant}#key"


PROJECTS = "projects"


def api_key(key_hash: str) -> str:
    """Partition of one API key, found by its hash: it is what tells the tenant."""
    return f"key#{key_hash}"


def thread(tenant: str, thread_id: str) -> str:
    """Partition of a thread's lock, messages and runs; in the stream table, of its subscriptions.

    The thread itself is listed under `threads`.
    """
    return f"{tenant}#thread#{thread_id}"


def run(tenant: str, run_id: str) -> str:
    """Partition of a run's steps and tool calls; in the stream table, of its event log."""
    return f"{tenant}#run#{run_id}"


def answer(tenant: str, record_id: str) -> str:
    """Partition of a request's first answer, in the stream table."""
    return f"{tenant}#answer#{record_id}"


def ticket(ticket_hash: str) -> str:
    """Partition of one ticket for the WebSocket, found by its hash, in the stream table."""
    return f"ticket#{ticket_hash}"


def connection(connection_id: str) -> str:
    """Partition of a WebSocket connection, in the stream table."""
    return f"conn#{connection_id}"


META = "meta"
MESSAGE = "msg#"
RUN = "run#"
STEP = "step#"
CALL = "call#"
LOG = "log#"
SUBSCRIPTION = "sub#"
_LONGEST_CALL_ID = 128


def call(step_id: str, call_id: str) -> str:
    """Sort key of a tool call.

    Models choose the ids, and some put more into them than the 1,024 bytes of a key can hold
    (https://docs.litellm.ai/docs/providers/gemini): those are known by their hash.
    """
    if len(call_id) > _LONGEST_CALL_ID:
        call_id = hashlib.sha256(call_id.encode()).hexdigest()
    return f"{CALL}{step_id}#{call_id}"


def log(last: EventId) -> str:
    """Sort key of a batch of the log: that of its last event, in digits that sort."""
    return f"{LOG}{last.epoch:010d}#{last.seq:010d}"
