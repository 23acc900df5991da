"""Reads what a step's model request is made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.context import build_request, select_messages
from core.model import ModelRequest
from core.paging import PageQuery
from core.records import RunRecord
from core.schema.actions import ActionRecord
from core.schema.messages import Message
from core.schema.steps import MessageCreationDetails, RunStep
from core.schema.tools import WEB_SEARCH, ActionTool, FunctionTool, WebSearchTool
from core.step_planner import InternalTool, Toolbox
from wiring.bootstrap import RunnerContext

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Prompt:
    """A step's request, and the tools that its answer may call."""

    request: ModelRequest
    toolbox: Toolbox
    calls_allowed: bool


def load_prompt(context: RunnerContext, run: RunRecord) -> Prompt:
    """Return the prompt of a run's current step.

    Reads the thread from its newest message back, and no further than the model's window.
    """
    steps = _earlier_steps(context, run)
    actions = context.objects.get_actions(
        run.tenant, [tool.id for tool in run.config.tools if isinstance(tool, ActionTool)]
    )
    calls_allowed = run.step_no < context.settings.max_steps
    request = build_request(
        run,
        select_messages(_newest_first(context, run), run),
        steps,
        _own_messages(context, run, steps),
        {action_id: record.wire for action_id, record in actions.items()},
        calls_allowed=calls_allowed,
    )
    return Prompt(request, _toolbox(context, run, actions), calls_allowed)


def _newest_first(context: RunnerContext, run: RunRecord) -> Iterator[Message]:
    after: str | None = None
    last = run.config.truncation_strategy.last_messages
    limit = min(last + 1, _PAGE) if last is not None else _PAGE
    while True:
        query = PageQuery(limit=limit, order="desc", after=after)
        page = context.messages.list(run.tenant, run.thread_id, query)
        yield from page.data
        if not page.has_more:
            return
        after = page.last_id


def _earlier_steps(context: RunnerContext, run: RunRecord) -> list[RunStep]:
    steps: list[RunStep] = []
    if run.step_no == 0:
        return steps
    after: str | None = None
    while True:
        query = PageQuery(limit=_PAGE, order="asc", after=after)
        page = context.objects.list_steps(run.tenant, run.id, query)
        steps += page.data
        if not page.has_more:
            return steps
        after = page.last_id


def _own_messages(
    context: RunnerContext, run: RunRecord, steps: list[RunStep]
) -> dict[str, Message]:
    wanted = [
        step.step_details.message_creation.message_id
        for step in steps
        if step.status == "completed" and isinstance(step.step_details, MessageCreationDetails)
    ]
    found = (context.messages.get(run.tenant, run.thread_id, wanted_id) for wanted_id in wanted)
    return {message.id: message for message in found if message is not None}


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
