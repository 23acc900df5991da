"""Refusals: programs match on classes, codes, params and words."""

from collections.abc import Callable

from openai import AuthenticationError, BadRequestError, NotFoundError

from tests.contract.python.registry import scenario
from tests.contract.python.session import MODEL, Session, expect, new_call_id, refused


@scenario
def a_value_out_of_range_is_refused(session: Session) -> None:
    """The error names the field and has a code."""
    error = refused(BadRequestError, lambda: session.assistant(temperature=3))
    expect((error.param, error.code), ("temperature", "decimal_above_max_value"))
    expect(error.type, "invalid_request_error")


@scenario
def a_limit_that_is_too_high_is_refused(session: Session) -> None:
    """In OpenAI's words."""
    thread_id = session.thread()
    lists: list[Callable[[], object]] = [
        lambda: session.client.beta.assistants.list(limit=101),
        lambda: session.client.beta.threads.messages.list(thread_id, limit=101),
        lambda: session.client.beta.threads.runs.list(thread_id, limit=101),
    ]
    for each in lists:
        error = refused(BadRequestError, each)
        expect(error.message, "Invalid 'limit': integer above maximum value. Expected a value "
                              "<= 100, but got 101 instead.")  # fmt: skip
        expect((error.param, error.code), ("limit", "integer_above_max_value"))


@scenario
def a_field_that_is_missing_is_refused(session: Session) -> None:
    """The SDK would not leave it out, but other programs do."""
    error = refused(
        BadRequestError,
        lambda: session.client.post("/assistants", cast_to=object, body={"name": "Nameless"}),
    )
    expect((error.param, error.code), ("model", "missing_required_parameter"))


@scenario
def a_wrong_key_is_refused(session: Session) -> None:
    """The key is not told back."""
    key = "sk-wrong-0123456789abcdef0123456789"
    error = refused(AuthenticationError, session.client_with(key).beta.assistants.list)
    expect(error.code, "invalid_api_key")
    assert key not in error.message and error.message.startswith("Incorrect API key provided: ")


@scenario
def what_does_not_exist_is_not_found(session: Session) -> None:
    """Whatever it is and whatever is wanted of it."""
    client = session.client
    threads = client.beta.threads
    run = session.finished_run()
    thread_id = run.thread_id
    calls: list[tuple[str, Callable[[], object]]] = [
        ("assistant asst_none", lambda: client.beta.assistants.retrieve("asst_none")),
        ("thread thread_none", lambda: threads.retrieve("thread_none")),
        ("message msg_none", lambda: threads.messages.retrieve("msg_none", thread_id=thread_id)),
        ("run run_none", lambda: threads.runs.retrieve("run_none", thread_id=thread_id)),
        ("run run_none", lambda: threads.runs.cancel("run_none", thread_id=thread_id)),
        ("run run_none", lambda: threads.runs.steps.list("run_none", thread_id=thread_id)),
        (
            "run step step_none",
            lambda: threads.runs.steps.retrieve("step_none", run_id=run.id, thread_id=thread_id),
        ),
        (
            "thread thread_none",
            lambda: threads.messages.create("thread_none", role="user", content="Hello"),
        ),
        (
            "thread thread_none",
            lambda: threads.runs.create("thread_none", assistant_id=run.assistant_id),
        ),
        ("assistant asst_none", lambda: threads.runs.create(thread_id, assistant_id="asst_none")),
    ]
    for what, call in calls:
        kind, _, identifier = what.rpartition(" ")
        expect(refused(NotFoundError, call).message, f"No {kind} found with id '{identifier}'.")


@scenario
def what_does_not_exist_cannot_be_changed_or_deleted(session: Session) -> None:
    """It is not found, either."""
    client = session.client
    threads = client.beta.threads
    thread_id = session.thread()
    calls: list[tuple[str, Callable[[], object]]] = [
        ("assistant asst_none", lambda: client.beta.assistants.update("asst_none", model=MODEL)),
        ("assistant asst_none", lambda: client.beta.assistants.delete("asst_none")),
        ("thread thread_none", lambda: threads.update("thread_none", metadata={})),
        ("thread thread_none", lambda: threads.delete("thread_none")),
        (
            "message msg_none",
            lambda: threads.messages.update("msg_none", thread_id=thread_id, metadata={}),
        ),
        ("message msg_none", lambda: threads.messages.delete("msg_none", thread_id=thread_id)),
        ("run run_none", lambda: threads.runs.update("run_none", thread_id=thread_id, metadata={})),
        ("assistant asst_none", lambda: threads.create_and_run(assistant_id="asst_none")),
    ]
    for what, call in calls:
        kind, _, identifier = what.rpartition(" ")
        expect(refused(NotFoundError, call).message, f"No {kind} found with id '{identifier}'.")


@scenario
def a_file_that_does_not_exist_is_not_found(session: Session) -> None:
    """In the words of the files API, which are others."""
    files = session.client.files
    calls: list[Callable[[], object]] = [
        lambda: files.retrieve("file-none"),
        lambda: files.content("file-none"),
        lambda: files.delete("file-none"),
    ]
    for call in calls:
        error = refused(NotFoundError, call)
        expect((error.message, error.param), ("No such File object: file-none", "id"))


@scenario
def a_model_that_does_not_exist_is_not_found(session: Session) -> None:
    """With OpenAI's code for it."""
    error = refused(NotFoundError, lambda: session.client.models.retrieve("no-such-model"))
    expect(error.code, "model_not_found")


@scenario
def a_busy_thread_refuses_messages_and_runs(session: Session) -> None:
    """Programs parse these sentences for the run that they have to wait for."""
    threads = session.client.beta.threads
    run = session.waiting_run(new_call_id())
    thread_id = run.thread_id
    error = refused(
        BadRequestError,
        lambda: threads.messages.create(thread_id, role="user", content="More"),
    )
    expect(error.message, f"Can't add messages to {thread_id} while a run {run.id} is active.")
    error = refused(
        BadRequestError, lambda: threads.runs.create(thread_id, assistant_id=run.assistant_id)
    )
    expect(error.message, f"Thread {thread_id} already has an active run {run.id}.")


@scenario
def a_run_that_has_ended_cannot_be_cancelled(session: Session) -> None:
    """The error says how it ended."""
    run = session.finished_run()
    error = refused(
        BadRequestError,
        lambda: session.client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id),
    )
    expect(error.message, "Cannot cancel run with status 'completed'.")


@scenario
def every_answer_has_a_request_id(session: Session) -> None:
    """On objects, on raw responses, and on errors."""
    thread = session.client.beta.threads.create()
    assert (thread._request_id or "").startswith("req_")
    raw = session.client.beta.threads.with_raw_response.retrieve(thread.id)
    assert raw.headers["x-request-id"].startswith("req_")
    expect(raw.parse().id, thread.id)
    error = refused(NotFoundError, lambda: session.client.beta.threads.retrieve("thread_none"))
    assert (error.request_id or "").startswith("req_")
