"""What a step's model is asked, read from the thread, the run and the files that messages name."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from core.memory import Memory
from core.paging import PageQuery
from core.schema.messages import (
    Attachment,
    ImageFile,
    ImageFileContent,
    Message,
    Text,
    TextContent,
)
from core.schema.threads import Thread
from runner.files import MAX_IMAGE_BYTES, MAX_REQUEST_BYTES
from tests.support.model import stop, text
from tests.support.world import TENANT, World

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Uploaded:
    """A file that was uploaded."""

    filename: str
    content: bytes
    size: int | None = None

    @property
    def bytes(self) -> int:
        """How large it is said to be."""
        return len(self.content) if self.size is None else self.size


@dataclass
class UploadedFiles:
    """A store of files that notes what is asked of it."""

    files: dict[str, Uploaded]
    asked: list[list[str]] = field(default_factory=list)
    read_ids: list[str] = field(default_factory=list)
    broken: bool = False

    def get_many(self, tenant: str, ids: Sequence[str]) -> dict[str, Uploaded]:
        """Return those files that exist."""
        assert tenant == TENANT
        self.asked.append(list(ids))
        return {wanted: self.files[wanted] for wanted in ids if wanted in self.files}

    def read(self, tenant: str, file_id: str, limit: int) -> bytes:
        """Return the beginning of a file."""
        assert tenant == TENANT
        self.read_ids.append(file_id)
        if self.broken:
            raise OSError("the bucket is away")
        return self.files[file_id].content[:limit]


def thread_of(world: World, *messages: dict[str, Any]) -> str:
    """Create a thread; return its id. A message is a user's, unless it says otherwise."""
    now = world.clock() // 1000
    thread = Thread(id=world.runner.ids.new("thread"), created_at=now, metadata={})
    made = [
        Message(
            **{
                "id": world.runner.ids.new("msg"),
                "created_at": now,
                "thread_id": thread.id,
                "status": "completed",
                "role": "user",
                "content": [],
            }
            | fields
        )
        for fields in messages
    ]
    world.runner.threads.create(TENANT, thread, made)
    return thread.id


def words(value: str) -> TextContent:
    """Return a text's part."""
    return TextContent(text=Text(value=value))


def image(file_id: str) -> ImageFileContent:
    """Return an uploaded image's part."""
    return ImageFileContent(image_file=ImageFile(file_id=file_id))


def told(world: World, thread_id: str, **config: Any) -> list[Any]:
    """Return what the model is told of a thread, without the instructions."""
    world.model.turn(*text("fine"), *stop())
    run = world.create_run(thread_id, instructions="", **config)
    world.deliver_next()
    assert world.get(run).status == "completed"
    return [turn["content"] for turn in world.model.requests[-1].messages]


def count_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with each query of a thread's messages: how many it asks for."""
    asked: list[int] = []
    read = world.runner.messages.list

    def counted(tenant: str, thread: str, query: PageQuery) -> Any:
        asked.append(query.limit)
        return read(tenant, thread, query)

    monkeypatch.setattr(world.runner.messages, "list", counted)
    return asked


# ---- memory -------------------------------------------------------------------------------------


def test_a_window_reads_no_more_of_the_thread_than_it_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = thread_of(world, *({"content": [words(f"message {n}")]} for n in range(60)))
    pages = count_pages(world, monkeypatch)
    heard = told(world, thread_id, memory=Memory(type="window"))
    assert heard == [f"message {n}" for n in range(40, 60)]
    assert pages == [20]


def test_a_thread_of_nothing_but_answers_is_read_a_dozen_queries_deep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = thread_of(world, {"content": [words("question")]})
    world.fill(thread_id, 1300, role="assistant")
    pages = count_pages(world, monkeypatch)
    heard = told(world, thread_id, memory=Memory(type="window"))
    assert heard == ["Hello"] * 20
    assert pages == [20, 40, 80, *[100] * 9]


def test_a_zero_memory_reads_from_the_last_user_message_on(world: World) -> None:
    said = {"role": "assistant", "content": [words("And?")]}
    asked = [{"content": [words(f"message {n}")]} for n in range(30)]
    heard = told(world, thread_of(world, *asked, said), memory=Memory(type="zero"))
    assert heard == ["message 29", "And?"]


def test_a_window_finds_the_question_behind_the_answers(world: World) -> None:
    said = [{"role": "assistant", "content": [words(f"answer {n}")]} for n in range(30)]
    thread_id = thread_of(world, {"content": [words("question")]}, *said)
    heard = told(world, thread_id, memory=Memory(type="window", window_size=3))
    assert heard == ["question", "answer 28", "answer 29"]


# ---- files --------------------------------------------------------------------------------------


@pytest.fixture
def files(world: World) -> UploadedFiles:
    """The project's files."""
    uploaded = UploadedFiles({})
    world.runner = replace(world.runner, files=uploaded)  # type: ignore[arg-type]
    return uploaded


def test_images_and_attached_files_are_told_and_asked_for_once(
    world: World, files: UploadedFiles
) -> None:
    files.files |= {
        "file-cat": Uploaded("cat.jpg", PNG + b"cat"),
        "file-notes": Uploaded("notes.txt", b"notes"),
    }
    thread_id = thread_of(
        world,
        {"content": [words("old"), image("file-old")]},
        {
            "content": [words("What is this?"), image("file-cat"), image("file-gone")],
            "attachments": [
                Attachment(file_id="file-notes"),
                Attachment(file_id="file-cat"),
                Attachment(file_id="no id#"),
            ],
        },
    )
    (heard,) = told(world, thread_id, memory=Memory(type="window", window_size=1))
    url = "data:image/png;base64," + base64.b64encode(PNG + b"cat").decode()
    assert heard == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "auto"}},
        {"type": "text", "text": "Here was an image that has been deleted since (file-gone)."},
        {"type": "text", "text": 'The user attached the file "notes.txt" (file-notes).'},
        {"type": "text", "text": 'The user attached the file "cat.jpg" (file-cat).'},
        {"type": "text", "text": "The user attached a file that has been deleted since (no id#)."},
    ]
    assert files.asked == [["file-cat", "file-gone", "file-notes"]]
    assert files.read_ids == ["file-cat"]


def test_a_thread_without_files_asks_for_none(world: World, files: UploadedFiles) -> None:
    assert told(world, world.thread("Hi")) == ["Hi"]
    assert files.asked == []


@pytest.mark.parametrize(
    "uploaded",
    [
        Uploaded("it", b"%PDF-1.7"),
        Uploaded("it", PNG, size=MAX_IMAGE_BYTES + 1),
        Uploaded("it", PNG, size=1000),
    ],
)
def test_an_image_that_cannot_be_shown_is_named(
    world: World, files: UploadedFiles, uploaded: Uploaded
) -> None:
    files.files["file-1"] = uploaded
    heard = told(world, thread_of(world, {"content": [words("See:"), image("file-1")]}))
    assert heard == ['See:\nHere is an image that could not be read: "it" (file-1).']


@pytest.mark.fault("bucket-out")
def test_a_bucket_that_does_not_answer_costs_the_image_and_not_the_run(
    world: World, files: UploadedFiles
) -> None:
    files.files["file-1"] = Uploaded("it", PNG)
    files.broken = True
    heard = told(world, thread_of(world, {"content": [image("file-1")]}))
    assert heard == ['Here is an image that could not be read: "it" (file-1).']


def test_of_too_many_images_the_newest_are_shown(world: World, files: UploadedFiles) -> None:
    size = MAX_IMAGE_BYTES
    shown = MAX_REQUEST_BYTES // size
    names = [f"file-{n}" for n in range(shown + 2)]
    large = PNG.ljust(size, b"\0")
    files.files |= {name: Uploaded(name, large) for name in names}
    told(world, thread_of(world, *({"content": [image(name)]} for name in names)))
    assert files.read_ids == names[: -shown - 1 : -1]


def test_an_uploaded_image_is_read_from_the_bucket(world: World) -> None:
    content = PNG + bytes(range(64))
    record = world.file(content, "cat.png")
    image = ImageFileContent(image_file=ImageFile(file_id=record.id))
    thread_id = thread_of(world, {"content": [image]})
    world.create_run(thread_id)
    world.model.turn(*text("A cat."), *stop())
    assert world.deliver_next()
    (part,) = world.model.requests[0].messages[-1]["content"]
    encoded = base64.b64encode(content).decode()
    assert part["image_url"]["url"] == f"data:image/png;base64,{encoded}"
