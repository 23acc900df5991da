"""What is stored of a run and its tool calls. State is data: it round-trips the table unchanged."""

from enum import StrEnum

from core.event_log import EventId
from core.schema.common import WireModel
from core.schema.messages import Message, RefusalContent, TextContent
from core.schema.runs import (
    RequiredAction,
    Run,
    RunConfig,
    RunError,
    RunIncompleteDetails,
    RunRequest,
    RunStatus,
    Usage,
)
from core.schema.steps import InternalToolType

TERMINAL: frozenset[RunStatus] = frozenset(
    {"completed", "incomplete", "failed", "cancelled", "expired"}
)


class RunPhase(StrEnum):
    """Who has the next move."""

    WAITING = "waiting"  # the runs before it on the thread: they have not all ended
    READY = "ready"  # the runner: a step may be claimed
    TOOLS = "tools"  # the state machine: internal tool calls are unfinished
    CLIENT = "client"  # the client: it must submit tool outputs
    ENDED = "ended"


class HeldMessages(WireModel):
    """What a waiting run's request adds to the thread, until the run is claimed."""

    messages: list[Message]


class LateMessage(WireModel):
    """What a model said after its calls, until their step has completed.

    Attributes:
        message_id, step_id: of the message that it becomes, and of its step; made with the turn, so
            that they sort before those of the next one.
        content: the message's.
    """

    message_id: str
    step_id: str
    content: list[TextContent | RefusalContent]


class RunRecord(WireModel):
    """A run with everything that decides its next move.

    Attributes:
        tenant: the project's id.
        step_no: how many model turns were committed; the next step's number.
        attempts: claims of the current step so far.
        epoch: the fencing token; every writer takes the next one, or holds the lease of this one.
        base: what the epoch's first event follows.
        tail: the log's last id; known while no lease is held.
        lease_owner: the invocation that works on the run, if one does.
        lease_until_ms: when its lease ends, in milliseconds since the epoch.
        watch: the number of the delayed check that is responsible for this run.
        pending_calls: internal tool calls of the current tool phase that have no output yet.
        tools_deadline_ms: when an unfinished tool phase is settled by the watchdog.
        open_step, open_message: the step, and its message, that is being written or waits.
        cancel_requested: somebody asked to cancel while a worker held the lease.
        not_before_ms: the step is not carried out before this, in milliseconds since the epoch: the
            model could not be asked, and the run rests.
        bad_calls: tool calls so far that the model got wrong (unknown tools, broken arguments).
        set_going_ms: when the client last set the run going: by creating it, or by submitting
            outputs; or when its turn on the thread came; in milliseconds since the epoch.
        held_messages: become the thread's when the run is claimed; kept by runs that wait.
        late_message: what the model said after the calls of the open step.
        late_steps: the steps whose messages were said after the calls before them, in one answer.
        ttl_seconds: how long after its end the run is deleted; None if it is kept.
        token_rate: how many tokens the model last counted for a thousand estimated ones; None if
            it has told nothing of that in this run.
    """

    id: str
    tenant: str
    thread_id: str
    config: RunConfig
    status: RunStatus = "queued"
    phase: RunPhase = RunPhase.READY
    step_no: int = 0
    attempts: int = 0
    epoch: int = 0
    base: EventId | None = None
    tail: EventId | None = None
    lease_owner: str | None = None
    lease_until_ms: int = 0
    watch: int = 1
    pending_calls: int = 0
    tools_deadline_ms: int = 0
    open_step: str | None = None
    open_message: str | None = None
    cancel_requested: bool = False
    not_before_ms: int = 0
    bad_calls: int = 0
    set_going_ms: int = 0
    held_messages: HeldMessages | None = None
    late_message: LateMessage | None = None
    late_steps: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    token_rate: int | None = None
    created_at: int
    expires_at: int
    started_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    cancelled_at: int | None = None
    required_action: RequiredAction | None = None
    last_error: RunError | None = None
    incomplete_details: RunIncompleteDetails | None = None
    usage: Usage = Usage()

    @property
    def ended(self) -> bool:
        """Whether the run has reached a terminal status."""
        return self.status in TERMINAL

    @property
    def ended_at(self) -> int | None:
        """When the run reached its terminal status, in unix seconds; None if it has not.

        A run that expired has no time of its own for that: it is the time that it was given.
        """
        if not self.ended:
            return None
        return self.completed_at or self.failed_at or self.cancelled_at or self.expires_at

    @property
    def completion_tokens_left(self) -> int | None:
        """What the earlier steps have left of `max_completion_tokens`; None if there is no limit.

        As at OpenAI, the limit holds for the whole run.
        """
        limit = self.config.max_completion_tokens
        return None if limit is None else limit - self.usage.completion_tokens

    @property
    def is_completion_spent(self) -> bool:
        """Whether the run's limit leaves its next answer no token."""
        left = self.completion_tokens_left
        return left is not None and left <= 0

    def is_leased(self, now_ms: int) -> bool:
        """Tell whether somebody works on the run at this moment."""
        return self.lease_owner is not None and self.lease_until_ms > now_ms

    def to_wire(self) -> Run:
        """Return the run as clients see it."""
        asked = {name: getattr(self.config, name) for name in RunRequest.model_fields}
        cancelling = self.cancel_requested and not self.ended
        return Run(
            id=self.id,
            created_at=self.created_at,
            thread_id=self.thread_id,
            status="cancelling" if cancelling else self.status,
            required_action=self.required_action,
            last_error=self.last_error,
            expires_at=None if self.ended else self.expires_at,
            started_at=self.started_at,
            cancelled_at=self.cancelled_at,
            failed_at=self.failed_at,
            completed_at=self.completed_at,
            incomplete_details=self.incomplete_details,
            usage=self.usage if self.ended else None,
            **asked,
        )


class CallState(StrEnum):
    """How far an internal tool call is."""

    PENDING = "pending"
    CLAIMED = "claimed"  # a worker acts on it: nobody else may
    DONE = "done"


class CallRecord(WireModel):
    """An internal tool call: what the tool worker claims, carries out and answers.

    Attributes:
        index: the call's place in its step, from 0.
        tool_type: which tool runs it.
        tool_id: of the tool's own record, if it has one: the action's.
        configuration: what the tool needs beyond the arguments, as JSON text.
        arguments: JSON text as the model wrote it.
    """

    call_id: str
    step_id: str
    index: int
    tool_type: InternalToolType
    tool_id: str | None = None
    name: str
    arguments: str
    configuration: str
    timeout_seconds: int
    state: CallState = CallState.PENDING
    output: str | None = None
    failed: bool = False
