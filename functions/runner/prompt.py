"""Reads what a step's model request is made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.context import build_request, fixed_tokens, has_images
from core.model import ModelRequest
from core.paging import PageQuery
from core.records import RunRecord
from core.schema.actions import ActionRecord
from core.schema.messages import Message
from core.schema.steps import MessageCreationDetails, RunStep
from core.schema.tools import WEB_SEARCH, ActionTool, FunctionTool, WebSearchTool
from core.step_planner import InternalTool, Toolbox
from core.token_rates import corrected
from core.window import is_prompt_spent, most_messages, select_messages
from runner.files import load_files
from wiring.bootstrap import RunnerContext

_PAGE = 100
_SMALL_PAGE = 10


@dataclass(frozen=True, slots=True)
class Prompt:
    """A step's request, and the tools that its answer may call.

    Attributes:
        estimated: the request's tokens before any correction; None if there are images among them,
            whose tokens are a guess.
    """

    request: ModelRequest
    toolbox: Toolbox
    calls_allowed: bool
    estimated: int | None


def load_prompt(context: RunnerContext, run: RunRecord) -> Prompt | None:
    """Return the prompt of a run's current step; None if its tokens are used up.

    Reads the thread from its newest message back, and no further than the model's window.
    """
    if run.is_completion_spent:
        return None
    steps = _earlier_steps(context, run)
    own_messages = _own_messages(context, run, steps)
    records = context.objects.get_actions(
        run.tenant, [tool.id for tool in run.config.tools if isinstance(tool, ActionTool)]
    )
    actions = {action_id: record.wire for action_id, record in records.items()}
    rate = context.token_rates.of(run.config.model) if run.token_rate is None else run.token_rate
    fixed = fixed_tokens(run, steps, own_messages, actions)
    taken = corrected(fixed, rate)
    if is_prompt_spent(run, taken):
        return None
    newest_first = _newest_first(context, run, own=len(own_messages))
    selected = select_messages(newest_first, run, taken, rate)
    calls_allowed = run.step_no < context.settings.max_steps
    request = build_request(
        run,
        selected.messages,
        steps,
        own_messages,
        actions,
        load_files(context.files, run.tenant, selected.messages),
        calls_allowed=calls_allowed,
    )
    estimated = None if has_images(request) else fixed + selected.tokens
    return Prompt(request, _toolbox(context, run, records), calls_allowed, estimated)


def _newest_first(context: RunnerContext, run: RunRecord, own: int) -> Iterator[Message]:
    after: str | None = None
    limit = _page_size(run, own)
    while True:
        query = PageQuery(limit=limit, order="desc", after=after)
        page = context.messages.list(run.tenant, run.thread_id, query)
        yield from page.data
        if not page.has_more:
            return
        after, limit = page.last_id, min(2 * limit, _PAGE)


def _page_size(run: RunRecord, own: int) -> int:
    """Return how many messages to read at once, the run's own among them."""
    memory, most = run.config.memory, most_messages(run)
    if memory is not None and memory.type == "zero":
        most = _SMALL_PAGE
    return _PAGE if most is None else min(most + own, _PAGE)


def _earlier_steps(context: RunnerContext, run: RunRecord) -> list[RunStep]:
    return context.objects.all_steps(run.tenant, run.id) if run.step_no else []


def _own_messages(
    context: RunnerContext, run: RunRecord, steps: list[RunStep]
) -> dict[str, Message]:
    wanted = [
        step.step_details.message_creation.message_id
        for step in steps
        if step.status == "completed" and isinstance(step.step_details, MessageCreationDetails)
    ]
    return context.messages.get_many(run.tenant, run.thread_id, wanted)


def _toolbox(context: RunnerContext, run: RunRecord, actions: dict[str, ActionRecord]) -> Toolbox:
    functions = frozenset(
        tool.function.name for tool in run.config.tools if isinstance(tool, FunctionTool)
    )
    timeout = context.settings.tool_timeout_seconds
    internal = {
        record.wire.name: InternalTool("action", record.operation, timeout, action_id)
        for action_id, record in actions.items()
    }
    for tool in run.config.tools:
        if isinstance(tool, WebSearchTool):
            internal[WEB_SEARCH] = InternalTool(WEB_SEARCH, tool.model_dump_json(), timeout)
    return Toolbox(functions, internal)
