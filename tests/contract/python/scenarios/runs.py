"""Runs: started in every way, watched, changed, cancelled, and ended in every way."""

import time
from typing import Any

from openai import BadRequestError
from openai.types.beta.threads import Run

from tests.contract.python.registry import scenario
from tests.contract.python.scenarios.assistants import ANSWER_FORMAT
from tests.contract.python.session import (
    MODEL,
    POLL_MS,
    WEATHER,
    Session,
    expect,
    new_call_id,
    refused,
    script,
)

_SECONDS = 20


@scenario
def a_run_is_created_and_polled(session: Session) -> None:
    """It answers in a new message."""
    threads = session.client.beta.threads
    thread_id = session.thread(script({"text": "Hello yourself."}))
    assistant = session.assistant(instructions="Be kind.")
    run = threads.runs.create_and_poll(
        thread_id=thread_id, assistant_id=assistant.id, poll_interval_ms=POLL_MS
    )
    expect((run.status, run.thread_id, run.assistant_id), ("completed", thread_id, assistant.id))
    expect((run.model, run.instructions, run.last_error), (MODEL, "Be kind.", None))
    assert run.usage is not None and run.usage.total_tokens > 0
    assert run.started_at is not None and run.completed_at is not None
    assert run.created_at <= run.started_at <= run.completed_at
    newest = threads.messages.list(thread_id, limit=1).data[0]
    assert newest.content[0].type == "text"
    expect(newest.content[0].text.value, "Hello yourself.")


@scenario
def a_run_is_created_with_every_parameter(session: Session) -> None:
    """What was asked for is what the run shows."""
    runs = session.client.beta.threads.runs
    thread_id = session.thread("One")
    tool_choice: Any = {"type": "function", "function": {"name": "get_weather"}}
    run = runs.create(
        thread_id,
        assistant_id=session.assistant(instructions="Be kind.").id,
        include=["step_details.tool_calls[*].file_search.results[*].content"],
        model="another-model",
        reasoning_effort="high",
        instructions="Be brief.",
        additional_instructions="Be clear.",
        additional_messages=[{"role": "user", "content": "Two", "metadata": {"number": "2"}}],
        tools=[WEATHER],
        metadata={"topic": "weather"},
        temperature=0,
        top_p=0.25,
        max_prompt_tokens=1000,
        max_completion_tokens=300,
        truncation_strategy={"type": "last_messages", "last_messages": 5},
        tool_choice=tool_choice,
        parallel_tool_calls=False,
        response_format=ANSWER_FORMAT,
    )
    expect((run.model, run.metadata, run.status), ("another-model", {"topic": "weather"}, "queued"))
    assert "Be brief." in run.instructions and "Be clear." in run.instructions
    expect((run.temperature, run.top_p, run.parallel_tool_calls), (0, 0.25, False))
    expect((run.max_prompt_tokens, run.max_completion_tokens), (1000, 300))
    assert run.truncation_strategy is not None
    expect((run.truncation_strategy.type, run.truncation_strategy.last_messages),
           ("last_messages", 5))  # fmt: skip
    choice: Any = run.tool_choice
    expect((choice.type, choice.function.name), ("function", "get_weather"))
    response_format: Any = run.response_format
    expect(response_format.json_schema.name, "answer")
    expect(len(session.client.beta.threads.messages.list(thread_id).data), 2)
    run = runs.poll(run.id, thread_id=thread_id, poll_interval_ms=POLL_MS)
    expect(run.status, "requires_action")
    expect(runs.cancel(run.id, thread_id=thread_id).status, "cancelled")


@scenario
def a_thread_and_its_run_are_created_at_once(session: Session) -> None:
    """The new thread is the run's."""
    threads = session.client.beta.threads
    run = threads.create_and_run(
        assistant_id=session.assistant().id,
        thread={
            "messages": [{"role": "user", "content": script({"text": "Done."})}],
            "metadata": {"a": "1"},
        },
        instructions="Be brief.",
        metadata={"b": "2"},
    )
    expect((run.status, run.instructions, run.metadata), ("queued", "Be brief.", {"b": "2"}))
    expect(threads.retrieve(run.thread_id).metadata, {"a": "1"})
    run = threads.runs.poll(run.id, thread_id=run.thread_id, poll_interval_ms=POLL_MS)
    expect(run.status, "completed")
    expect(len(threads.messages.list(run.thread_id).data), 2)


@scenario
def a_thread_and_its_run_are_created_and_polled(session: Session) -> None:
    """The SDK's helper waits for the end."""
    run = session.client.beta.threads.create_and_run_poll(
        assistant_id=session.assistant().id,
        thread={"messages": [{"role": "user", "content": "Hello"}]},
        poll_interval_ms=POLL_MS,
    )
    expect(run.status, "completed")


@scenario
def a_run_is_retrieved_listed_and_changed(session: Session) -> None:
    """Only its metadata changes."""
    runs = session.client.beta.threads.runs
    first = session.finished_run()
    second = runs.create_and_poll(
        thread_id=first.thread_id, assistant_id=first.assistant_id, poll_interval_ms=POLL_MS
    )
    expect(runs.retrieve(first.id, thread_id=first.thread_id), first)
    expect([run.id for run in runs.list(first.thread_id, limit=1)], [second.id, first.id])
    expect(runs.list(first.thread_id, order="asc").data, [first, second])
    changed = runs.update(first.id, thread_id=first.thread_id, metadata={"a": "1"})
    expect(changed, first.model_copy(update={"metadata": {"a": "1"}}))
    expect(runs.retrieve(first.id, thread_id=first.thread_id).metadata, {"a": "1"})


@scenario
def a_run_that_is_writing_is_cancelled(session: Session) -> None:
    """What it wrote so far stays, as an incomplete message."""
    threads = session.client.beta.threads
    thread_id = session.thread(script({"text": {"tokens": 5000}, "rate": 100}))
    run = threads.runs.create(thread_id, assistant_id=session.assistant().id)
    _wait_for_a_message(session, run)
    assert threads.runs.cancel(run.id, thread_id=thread_id).status in ("cancelling", "cancelled")
    run = _ended(session, run)
    expect(run.status, "cancelled")
    assert run.cancelled_at is not None
    (message,) = threads.messages.list(thread_id, run_id=run.id).data
    expect(message.status, "incomplete")
    assert message.incomplete_details is not None
    expect(message.incomplete_details.reason, "run_cancelled")


@scenario
def a_run_that_waits_is_cancelled(session: Session) -> None:
    """It frees its thread."""
    threads = session.client.beta.threads
    run = session.waiting_run(new_call_id())
    cancelled = threads.runs.cancel(run.id, thread_id=run.thread_id)
    expect((cancelled.status, cancelled.required_action), ("cancelled", None))
    threads.messages.create(run.thread_id, role="user", content="Never mind.")
    refused(BadRequestError, lambda: threads.runs.cancel(run.id, thread_id=run.thread_id))


@scenario
def a_run_ends_incomplete_at_its_limit_of_tokens(session: Session) -> None:
    """The program learns why."""
    run = session.client.beta.threads.runs.create_and_poll(
        thread_id=session.thread(script({"text": {"tokens": 400}})),
        assistant_id=session.assistant().id,
        max_completion_tokens=256,
        poll_interval_ms=POLL_MS,
    )
    expect(run.status, "incomplete")
    assert run.incomplete_details is not None
    expect(run.incomplete_details.reason, "max_completion_tokens")


@scenario
def a_run_fails_in_the_open(session: Session) -> None:
    """`last_error` says that the model refused."""
    run = session.client.beta.threads.runs.create_and_poll(
        thread_id=session.thread(script({"fail": {"status": 400}})),
        assistant_id=session.assistant().id,
        poll_interval_ms=POLL_MS,
    )
    expect(run.status, "failed")
    assert run.last_error is not None and run.failed_at is not None
    expect(run.last_error.code, "invalid_prompt")


def _wait_for_a_message(session: Session, run: Run) -> None:
    deadline = time.monotonic() + _SECONDS
    while not session.client.beta.threads.messages.list(run.thread_id, run_id=run.id).data:
        if time.monotonic() > deadline:
            raise AssertionError("the run writes nothing")
        time.sleep(POLL_MS / 1000)


def _ended(session: Session, run: Run) -> Run:
    """Return a run once it is no longer being cancelled, which the SDK's `poll` waits for too."""
    return session.client.beta.threads.runs.poll(
        run.id, thread_id=run.thread_id, poll_interval_ms=POLL_MS
    )
