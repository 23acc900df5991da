"""The tool worker: carries out one tool call, or answers it with an error if it cannot."""

from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from adapters.action_caller import action_caller
from adapters.dynamodb.errors import CallTaken
from adapters.egress import EgressAllowList, EgressClient
from adapters.sealing import CannotOpen
from core.jobs import SettleTask, ToolTask, WorkerTask
from core.records import CallRecord, CallState, RunPhase, RunRecord
from core.schema.authentication import Authentication
from tool_worker.registry import Tool, ToolCallInput, ToolOutput, ToolRegistry, failure
from tool_worker.search.choice import chosen_provider
from tool_worker.tools.action import ActionTool
from tool_worker.tools.web_search import WebSearcher
from wiring.bootstrap import WorkerContext, worker_context
from wiring.settings import WorkerSettings
from wiring.telemetry import count, duration, log_run, logger, metrics, tracer

DRAIN_SECONDS: Final = 5.0
_TASK: Final[TypeAdapter[ToolTask | SettleTask]] = TypeAdapter(WorkerTask)
_SETTLED: Final = {
    "timeout": "The tool did not answer in time. It may or may not have acted.",
    "error": "The tool could not be carried out. It may or may not have acted.",
}


@cache
def registry() -> ToolRegistry:
    """Return the tools of this function."""
    return build_registry(worker_context().settings)


def build_registry(settings: WorkerSettings) -> ToolRegistry:
    """Return the tools that exist: a new one is a module in `tool_worker.tools` and a line here.

    Raises:
        SettingsError: the provider of web search needs what the settings do not give.
    """
    allow = EgressAllowList.parse(settings.egress_allow)
    tools: dict[str, Tool] = {"action": ActionTool(action_caller(allow))}
    provider = chosen_provider(settings)
    if provider is not None:
        tools["web_search"] = WebSearcher(EgressClient(allow), provider)
    return ToolRegistry(tools)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], lambda_context: LambdaContext) -> dict[str, str]:
    """Carry out a task of the state machine.

    Returns:
        What became of it; the output itself is in the table.
    """
    task = _TASK.validate_python(event)
    context = worker_context()
    if isinstance(task, SettleTask):
        outcome = settle(context, task)
    else:
        outcome = carry_out(context, registry(), task)
    context.pusher.drain(DRAIN_SECONDS)
    logger.info("tool task done", extra={"outcome": outcome})
    return {"outcome": outcome}


def carry_out(context: WorkerContext, tools: ToolRegistry, task: ToolTask) -> str:
    """Claim a call, act on it, and store its output.

    Returns:
        `answered`; or `dropped` if somebody else has the call, or the run no longer wants it.
    """
    found = _find(context, task)
    if found is None:
        return "dropped"
    run, call = found
    log_run(run)
    logger.append_keys(step_id=call.step_id, call_id=call.call_id, tool=call.tool_type)
    authentication = _authentication(context, run, call)
    try:
        context.calls.claim(run, call)
    except CallTaken:
        return "dropped"
    started_ms = context.clock()
    if isinstance(authentication, ToolOutput):
        output = authentication
    else:
        output = tools.run(
            call.tool_type,
            ToolCallInput(
                name=call.name,
                arguments=call.arguments,
                configuration=call.configuration,
                timeout_seconds=call.timeout_seconds,
                idempotency_key=f"{run.id}-{call.step_id}-{call.index}",
                authentication=authentication,
                tenant=run.tenant,
            ),
        )
    duration("ToolTime", context.clock() - started_ms)
    count("ToolCallsFailed" if output.failed else "ToolCalls")
    answered = context.writer.answer_call(task, output.output, failed=output.failed)
    return "answered" if answered else "dropped"


def _authentication(
    context: WorkerContext, run: RunRecord, call: CallRecord
) -> Authentication | ToolOutput | None:
    """Return what a call's service is told: what the run was given for it, else what all are.

    Returns:
        The output of the call, if it cannot be made.
    """
    if call.tool_type != "action" or call.tool_id is None:
        return None
    action = context.objects.get_action(run.tenant, call.tool_id)
    if action is None:
        return failure("This action was deleted, so it was not called.")
    try:
        given = context.runs.authentications(run).get(call.tool_id)
        return given or context.action_secrets.of(run.tenant, action)
    except CannotOpen:
        logger.error("authentication cannot be opened", extra={"action_id": call.tool_id})
        return failure("The action's credentials cannot be read, so it was not called.")


def settle(context: WorkerContext, task: SettleTask) -> str:
    """Answer a call with an error that the model can react to, unless it has its output."""
    count("ToolCallsSettled")
    return "answered" if context.writer.settle_call(task, _SETTLED[task.reason]) else "dropped"


def _find(context: WorkerContext, task: ToolTask) -> tuple[RunRecord, CallRecord] | None:
    run = context.runs.get(task.tenant, task.thread_id, task.run_id)
    if run is None or run.phase is not RunPhase.TOOLS or run.open_step != task.step_id:
        return None
    call = context.calls.get(run, task.step_id, task.call_id)
    if call is None or call.state is not CallState.PENDING:
        return None
    return run, call
