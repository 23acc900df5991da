"""Programs that were written for Azure OpenAI."""

from openai import AuthenticationError, NotFoundError

from tests.contract.python.registry import scenario
from tests.contract.python.session import MODEL, POLL_MS, Session, expect, refused


@scenario
def azures_client_holds_a_conversation(session: Session) -> None:
    """It sends its key in a header of its own, and asks under `/openai`."""
    client = session.azure(session.key)
    assistant = client.beta.assistants.create(model=MODEL)
    expect(client.beta.assistants.retrieve(assistant.id), assistant)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL_MS
    )
    expect(run.status, "completed")
    expect(len(list(client.beta.threads.messages.list(thread.id, limit=1))), 2)
    file = client.files.create(file=("notes.txt", b"notes"), purpose="assistants")
    expect(client.files.retrieve(file.id), file)


@scenario
def azures_client_gets_the_same_errors(session: Session) -> None:
    """In the same shape, with the same words."""
    threads = session.azure(session.key).beta.threads
    error = refused(NotFoundError, lambda: threads.retrieve("thread_none"))
    expect(error.message, "No thread found with id 'thread_none'.")
    stranger = session.azure("wrong-0123456789abcdef0123456789")
    refused(AuthenticationError, stranger.beta.assistants.list)
