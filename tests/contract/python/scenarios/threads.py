"""Threads: made, found, changed, deleted."""

from openai import NotFoundError

from tests.contract.python.registry import scenario
from tests.contract.python.session import Session, expect, refused


@scenario
def an_empty_thread_is_made(session: Session) -> None:
    """A thread needs nothing."""
    threads = session.client.beta.threads
    made = threads.create()
    expect((made.metadata, made.tool_resources), ({}, None))
    expect(threads.retrieve(made.id), made)
    expect(threads.messages.list(made.id).data, [])


@scenario
def a_thread_is_made_with_messages_and_metadata(session: Session) -> None:
    """The messages stand in it in the order given."""
    threads = session.client.beta.threads
    made = threads.create(
        messages=[
            {"role": "user", "content": "One", "metadata": {"number": "1"}},
            {"role": "assistant", "content": [{"type": "text", "text": "Two"}]},
        ],
        metadata={"topic": "numbers"},
    )
    expect(made.metadata, {"topic": "numbers"})
    first, second = threads.messages.list(made.id, order="asc").data
    expect((first.role, first.metadata), ("user", {"number": "1"}))
    assert second.content[0].type == "text"
    expect((second.role, second.content[0].text.value), ("assistant", "Two"))


@scenario
def a_thread_is_changed(session: Session) -> None:
    """Its metadata is replaced."""
    threads = session.client.beta.threads
    made = threads.create(metadata={"a": "1"})
    changed = threads.update(made.id, metadata={"b": "2"})
    expect((changed.id, changed.metadata), (made.id, {"b": "2"}))
    expect(threads.retrieve(made.id), changed)


@scenario
def a_thread_is_deleted(session: Session) -> None:
    """It is gone with its messages."""
    threads = session.client.beta.threads
    thread_id = session.thread("Hello")
    gone = threads.delete(thread_id)
    expect((gone.id, gone.object, gone.deleted), (thread_id, "thread.deleted", True))
    refused(NotFoundError, lambda: threads.retrieve(thread_id))
    refused(NotFoundError, lambda: threads.messages.list(thread_id))
