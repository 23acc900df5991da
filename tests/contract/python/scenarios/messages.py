"""Messages: written, found page by page, changed, deleted."""

from openai import NotFoundError

from tests.contract.python.registry import scenario
from tests.contract.python.session import Session, expect, refused


@scenario
def a_message_of_text_is_written(session: Session) -> None:
    """A string becomes a part of type text."""
    messages = session.client.beta.threads.messages
    thread_id = session.thread()
    made = messages.create(thread_id, role="user", content="Hello", metadata={"a": "1"})
    (part,) = made.content
    assert part.type == "text"
    expect((part.text.value, part.text.annotations), ("Hello", []))
    expect((made.thread_id, made.role, made.metadata), (thread_id, "user", {"a": "1"}))
    expect((made.assistant_id, made.run_id), (None, None))
    expect(messages.retrieve(made.id, thread_id=thread_id), made)


@scenario
def a_message_of_parts_is_written(session: Session) -> None:
    """Texts and images keep their order."""
    made = session.client.beta.threads.messages.create(
        session.thread(),
        role="user",
        content=[
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}},
            {
                "type": "image_url",
                "image_url": {"url": "https://images.example/b.png", "detail": "low"},
            },
        ],
    )
    words, first, second = made.content
    assert words.type == "text" and first.type == "image_url" and second.type == "image_url"
    expect(words.text.value, "What is this?")
    expect(first.image_url.url, "https://images.example/a.png")
    expect((second.image_url.url, second.image_url.detail), ("https://images.example/b.png", "low"))


@scenario
def messages_are_listed_by_limit_order_and_cursors(session: Session) -> None:
    """Newest first, unless asked otherwise."""
    messages = session.client.beta.threads.messages
    thread_id = session.thread()
    ids = [messages.create(thread_id, role="user", content=str(n)).id for n in range(5)]
    page = messages.list(thread_id, limit=2)
    expect([message.id for message in page.data], [ids[4], ids[3]])
    expect(page.has_more, True)
    expect([message.id for message in messages.list(thread_id, order="asc").data], ids)
    later = messages.list(thread_id, order="asc", after=ids[2])
    expect([message.id for message in later.data], ids[3:])
    earlier = messages.list(thread_id, order="asc", before=ids[2])
    expect([message.id for message in earlier.data], ids[:2])


@scenario
def the_sdk_walks_through_all_pages_of_messages(session: Session) -> None:
    """Its iterator asks for page after page until there is none."""
    messages = session.client.beta.threads.messages
    thread_id = session.thread(*"abcdefg")
    walked = list(messages.list(thread_id, limit=3, order="asc"))
    texts = [
        message.content[0].text.value for message in walked if message.content[0].type == "text"
    ]
    expect(texts, list("abcdefg"))
    pages = list(messages.list(thread_id, limit=3).iter_pages())
    expect([len(page.data) for page in pages], [3, 3, 1])


@scenario
def messages_of_a_run_are_listed(session: Session) -> None:
    """The user's are not among them."""
    run = session.finished_run()
    (message,) = session.client.beta.threads.messages.list(run.thread_id, run_id=run.id).data
    expect((message.role, message.run_id), ("assistant", run.id))
    expect((message.assistant_id, message.status), (run.assistant_id, "completed"))


@scenario
def a_message_is_changed(session: Session) -> None:
    """Its metadata is replaced, its text stays."""
    messages = session.client.beta.threads.messages
    thread_id = session.thread()
    made = messages.create(thread_id, role="user", content="Hello", metadata={"a": "1"})
    changed = messages.update(made.id, thread_id=thread_id, metadata={"b": "2"})
    expect((changed.id, changed.metadata, changed.content), (made.id, {"b": "2"}, made.content))
    expect(messages.retrieve(made.id, thread_id=thread_id), changed)


@scenario
def a_message_is_deleted(session: Session) -> None:
    """The others stay."""
    messages = session.client.beta.threads.messages
    thread_id = session.thread("stays")
    made = messages.create(thread_id, role="user", content="goes")
    gone = messages.delete(made.id, thread_id=thread_id)
    expect((gone.id, gone.object, gone.deleted), (made.id, "thread.message.deleted", True))
    refused(NotFoundError, lambda: messages.retrieve(made.id, thread_id=thread_id))
    expect(len(messages.list(thread_id).data), 1)
