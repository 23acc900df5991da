"""The client's answers to a run's function calls."""

from collections import Counter
from collections.abc import Sequence

from adapters.dynamodb.idempotency import Once
from api.services.lookups import require_run
from api.services.run_changes import after_commit, retry_if_moved, send_check
from api.services.streaming import StreamPlace
from core.dispatch import step_job
from core.errors import InvalidRequest
from core.records import RunRecord
from core.schema.runs import SubmitToolOutputs, ToolOutput
from core.tool_phase import submit_outputs
from wiring.bootstrap import ClientContext

_LONGEST_SHOWN = 64


def submit_tool_outputs(
    context: ClientContext,
    tenant: str,
    thread_id: str,
    run_id: str,
    request: SubmitToolOutputs,
    once: Once,
) -> RunRecord:
    """Take the outputs of all calls that a run waits for, and have it go on.

    Returns:
        The run as it goes on; what follows the outputs begins behind its base.

    Raises:
        NotFound: there is no such run.
        InvalidRequest: it waits for nothing, or for other calls; nothing was changed.
        Repeated: an earlier attempt gave these outputs.
    """
    run = retry_if_moved(
        lambda: _submit(context, require_run(context, tenant, thread_id, run_id), request, once)
    )
    after_commit("step not enqueued", lambda: context.queues.send_step(step_job(run)))
    return run


def check_outputs(run: RunRecord, outputs: Sequence[ToolOutput]) -> None:
    """Check that outputs answer exactly the calls that a run waits for.

    Raises:
        InvalidRequest: they do not, in words that clients know.
    """
    status = run.to_wire().status
    if status != "requires_action" or run.required_action is None:
        raise InvalidRequest(f'Runs in status "{status}" do not accept tool outputs.')
    got = Counter(output.tool_call_id for output in outputs)
    twice = [call_id for call_id, count in got.items() if count > 1]
    if twice:
        raise InvalidRequest(f"Duplicate call_ids submitted: {_listed(twice)}")
    wanted = [call.id for call in run.required_action.submit_tool_outputs.tool_calls]
    if set(got) != set(wanted):
        raise InvalidRequest(
            f"Expected tool outputs for call_ids {_listed(wanted)}, got {_listed(list(got))}"
        )


def _submit(
    context: ClientContext, run: RunRecord, request: SubmitToolOutputs, once: Once
) -> RunRecord:
    check_outputs(run, request.tool_outputs)
    step = None if run.open_step is None else context.runs.step(run, run.open_step)
    if step is None:
        raise LookupError("A run that requires action has an open step.")
    # Armed before the transaction, with the number that the run will then have.
    send_check(context, run, run.watch + 1)
    given = {output.tool_call_id: output.output for output in request.tool_outputs}
    change = submit_outputs(run, step, given, now=context.clock() // 1000)
    # Nobody holds the lease of a run that waits for its client: the change follows its tail.
    answer = StreamPlace.behind(run, run.tail) if request.stream else change.after.to_wire()
    return context.writer.apply(change, once.receipt(answer.model_dump_json()))


def _listed(call_ids: Sequence[str]) -> str:
    shown = (repr(call_id[:_LONGEST_SHOWN]) for call_id in call_ids)
    return f"[{', '.join(shown)}]"
