"""Files: uploaded, found, read, deleted, and shown to an assistant."""

import base64

from openai import BadRequestError, NotFoundError

from tests.contract.python.registry import scenario
from tests.contract.python.session import Session, expect, refused

NOTES = "Zürich, 7 °C\r\n\x00end".encode()
# One grey pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


@scenario
def a_file_is_uploaded_found_and_read(session: Session) -> None:
    """It comes back byte for byte."""
    files = session.client.files
    made = files.create(file=("notes.txt", NOTES, "text/plain"), purpose="assistants")
    expect((made.filename, made.bytes, made.purpose), ("notes.txt", len(NOTES), "assistants"))
    expect(files.retrieve(made.id), made)
    expect(files.content(made.id).read(), NOTES)


@scenario
def files_are_listed(session: Session) -> None:
    """By purpose, by order, and from a cursor."""
    files = session.client.files
    ids = [
        files.create(file=(f"{number}.txt", NOTES), purpose="user_data").id for number in range(3)
    ]
    expect([file.id for file in files.list(purpose="user_data", order="asc")], ids)
    expect([file.id for file in files.list(purpose="user_data", limit=1)], ids[::-1])
    rest = files.list(purpose="user_data", order="asc", after=ids[0])
    expect([file.id for file in rest.data], ids[1:])


@scenario
def a_file_is_deleted(session: Session) -> None:
    """Its content is gone too."""
    files = session.client.files
    made = files.create(file=("notes.txt", NOTES), purpose="assistants")
    gone = files.delete(made.id)
    expect((gone.id, gone.object, gone.deleted), (made.id, "file", True))
    refused(NotFoundError, lambda: files.retrieve(made.id))
    refused(NotFoundError, lambda: files.content(made.id))


@scenario
def a_message_has_a_file_attached(session: Session) -> None:
    """The attachment names the file; a tool that is not served yet cannot be given it."""
    made = session.client.files.create(file=("notes.txt", NOTES), purpose="assistants")
    messages, thread_id = session.client.beta.threads.messages, session.thread()
    message = messages.create(
        thread_id, role="user", content="Read this.", attachments=[{"file_id": made.id}]
    )
    assert message.attachments is not None
    (attachment,) = message.attachments
    expect(attachment.file_id, made.id)
    error = refused(
        BadRequestError,
        lambda: messages.create(
            thread_id,
            role="user",
            content="Search this.",
            attachments=[{"file_id": made.id, "tools": [{"type": "file_search"}]}],
        ),
    )
    expect(error.param, "attachments[0].tools[0].type")


@scenario
def a_message_shows_an_image_that_was_uploaded(session: Session) -> None:
    """The part names the file."""
    made = session.client.files.create(file=("pixel.png", PIXEL, "image/png"), purpose="vision")
    message = session.client.beta.threads.messages.create(
        session.thread(),
        role="user",
        content=[
            {"type": "text", "text": "What is this?"},
            {"type": "image_file", "image_file": {"file_id": made.id, "detail": "low"}},
        ],
    )
    image = message.content[1]
    assert image.type == "image_file"
    expect((image.image_file.file_id, image.image_file.detail), (made.id, "low"))
