"""Run steps: what a run did."""

from tests.contract.python.registry import scenario
from tests.contract.python.session import POLL_MS, Session, expect, new_call_id


@scenario
def the_step_of_an_answer_names_its_message(session: Session) -> None:
    """Listed and retrieved, it is the same."""
    threads = session.client.beta.threads
    run = session.finished_run()
    (step,) = threads.runs.steps.list(run.id, thread_id=run.thread_id).data
    expect((step.type, step.status, step.run_id), ("message_creation", "completed", run.id))
    details = step.step_details
    assert details.type == "message_creation"
    (message,) = threads.messages.list(run.thread_id, run_id=run.id).data
    expect(details.message_creation.message_id, message.id)
    assert step.usage is not None and run.usage is not None
    expect(step.usage.total_tokens, run.usage.total_tokens)
    found = threads.runs.steps.retrieve(step.id, thread_id=run.thread_id, run_id=run.id)
    expect(found, step)


@scenario
def the_steps_of_a_run_with_tools_are_listed_page_by_page(session: Session) -> None:
    """While the program owes an output it is null; then it is there."""
    steps = session.client.beta.threads.runs.steps
    call_id = new_call_id()
    run = session.waiting_run(call_id)
    (step,) = steps.list(run.id, thread_id=run.thread_id).data
    assert step.step_details.type == "tool_calls"
    (call,) = step.step_details.tool_calls
    assert call.type == "function"
    expect((step.status, call.id, call.function.output), ("in_progress", call_id, None))
    session.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=run.thread_id,
        tool_outputs=[{"tool_call_id": call_id, "output": "rain"}],
        poll_interval_ms=POLL_MS,
    )
    walked = list(steps.list(run.id, thread_id=run.thread_id, order="asc", limit=1))
    expect([step.type for step in walked], ["tool_calls", "message_creation"])
    expect([step.status for step in walked], ["completed", "completed"])
    later = steps.list(
        run.id,
        thread_id=run.thread_id,
        order="asc",
        after=walked[0].id,
        include=["step_details.tool_calls[*].file_search.results[*].content"],
    )
    expect(later.data, walked[1:])
