"""Functions that the program itself carries out."""

import json

from openai import BadRequestError
from openai.types.beta.threads import Run

from tests.contract.python.registry import scenario
from tests.contract.python.session import POLL_MS, Session, expect, new_call_id, refused


@scenario
def a_run_asks_for_outputs_and_goes_on_with_them(session: Session) -> None:
    """The calls are there as the model wrote them; afterwards nothing is asked for."""
    runs = session.client.beta.threads.runs
    call_id = new_call_id()
    run = session.waiting_run(call_id)
    assert run.required_action is not None
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    expect((call.id, call.type, call.function.name), (call_id, "function", "get_weather"))
    expect(json.loads(call.function.arguments), {"city": "Oslo"})
    run = runs.submit_tool_outputs(
        run.id,
        thread_id=run.thread_id,
        tool_outputs=[{"tool_call_id": call_id, "output": "rain"}],
    )
    expect((run.status, run.required_action), ("queued", None))
    run = runs.poll(run.id, thread_id=run.thread_id, poll_interval_ms=POLL_MS)
    expect(run.status, "completed")
    newest = session.client.beta.threads.messages.list(run.thread_id, limit=1).data[0]
    assert newest.content[0].type == "text"
    expect(newest.content[0].text.value, "It rains.")


@scenario
def outputs_of_parallel_calls_are_submitted_and_polled(session: Session) -> None:
    """The SDK's helper waits for the end."""
    ids = [new_call_id(), new_call_id()]
    run = session.waiting_run(*ids)
    run = session.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=run.thread_id,
        tool_outputs=[{"tool_call_id": call_id, "output": call_id} for call_id in reversed(ids)],
        poll_interval_ms=POLL_MS,
    )
    expect(run.status, "completed")
    steps = session.client.beta.threads.runs.steps.list(
        run.id, thread_id=run.thread_id, order="asc"
    )
    details = steps.data[0].step_details
    assert details.type == "tool_calls"
    outputs = [call.function.output for call in details.tool_calls if call.type == "function"]
    expect(outputs, ids)


@scenario
def outputs_for_other_calls_are_refused(session: Session) -> None:
    """Clients parse these sentences; nothing is lost by a refused attempt."""
    runs = session.client.beta.threads.runs
    first, second = new_call_id(), new_call_id()
    run = session.waiting_run(first, second)
    error = refused(BadRequestError, lambda: _submit(session, run, first))
    expect(error.message, f"Expected tool outputs for call_ids ['{first}', '{second}'], got "
                          f"['{first}']")  # fmt: skip
    expect(error.type, "invalid_request_error")
    error = refused(BadRequestError, lambda: _submit(session, run, "b"))
    expect(error.message, f"Expected tool outputs for call_ids ['{first}', '{second}'], got ['b']")
    error = refused(BadRequestError, lambda: _submit(session, run, first, first))
    expect(error.message, f"Duplicate call_ids submitted: ['{first}']")
    expect(runs.retrieve(run.id, thread_id=run.thread_id), run)
    _submit(session, run, first, second)


@scenario
def outputs_that_nobody_waits_for_are_refused(session: Session) -> None:
    """A run that has ended takes none."""
    run = session.finished_run()
    error = refused(BadRequestError, lambda: _submit(session, run, new_call_id()))
    expect(error.message, 'Runs in status "completed" do not accept tool outputs.')


def _submit(session: Session, run: Run, *call_ids: str) -> Run:
    return session.client.beta.threads.runs.submit_tool_outputs(
        run.id,
        thread_id=run.thread_id,
        tool_outputs=[{"tool_call_id": call_id, "output": "x"} for call_id in call_ids],
    )
