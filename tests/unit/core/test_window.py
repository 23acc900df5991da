"""Which of a thread's messages the model reads, and how little of the thread is read for it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.memory import Memory
from core.message_turns import is_told, message_tokens
from core.records import RunRecord
from core.schema.messages import (
    Attachment,
    ImageFile,
    ImageFileContent,
    ImageUrl,
    ImageUrlContent,
    Message,
    RefusalContent,
    Text,
    TextContent,
)
from core.schema.runs import TruncationStrategy, Usage
from core.token_rates import LEAST_RATE, MOST_RATE, PLAIN_RATE, corrected
from core.tokens import IMAGE_TOKENS, MESSAGE_TOKENS
from core.window import (
    DEFAULT_PROMPT_TOKENS,
    MAX_PASSED_OVER,
    is_prompt_spent,
    most_messages,
    prompt_left,
    select_messages,
)
from tests.support.runs import RUN, assistant_message, run_record, user_message
from tests.support.world import run_config

PARTS = st.one_of(
    st.integers(0, 120).map(lambda words: TextContent(text=Text(value="word " * words))),
    st.just(RefusalContent(refusal="No.")),
    st.just(ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png", detail="low"))),
    st.just(ImageFileContent(image_file=ImageFile(file_id="file-1"))),
)


@st.composite
def threads(draw: st.DrawFn) -> list[Message]:
    """Draw a thread, newest message first, some of it written by the run itself."""
    messages = []
    for number in range(draw(st.integers(0, 12)), 0, -1):
        role = draw(st.sampled_from(["user", "assistant"]))
        attachments = [Attachment(file_id="file-2")] if draw(st.booleans()) else []
        make = user_message if role == "user" else assistant_message
        messages.append(
            make(
                "",
                f"msg_{number:02}",
                content=draw(st.lists(PARTS, max_size=3)),
                attachments=attachments,
                run_id=draw(st.sampled_from([None, None, None, RUN, "run_other"])),
            )
        )
    return messages


RUNS = st.builds(
    lambda last, limit, memory, used: run_record(
        run_config(
            truncation_strategy=TruncationStrategy(
                type="last_messages" if last else "auto", last_messages=last
            ),
            max_prompt_tokens=limit,
            memory=memory,
        ),
        usage=Usage(prompt_tokens=used),
    ),
    st.none() | st.integers(1, 8),
    st.none() | st.integers(256, 3000),
    st.none()
    | st.builds(
        Memory,
        type=st.sampled_from(["naive", "window", "zero"]),
        window_size=st.integers(1, 8),
        max_token_size=st.integers(1, 2000),
    ),
    st.sampled_from([0, 100, 5000]),
)
TAKEN = st.integers(0, 400)
RATES = st.just(PLAIN_RATE) | st.integers(LEAST_RATE, MOST_RATE)


class Thread:
    """A thread's messages, newest first; counts how many of them are read."""

    def __init__(self, *messages: Message) -> None:
        self._messages = messages
        self.read = 0

    def __iter__(self) -> Iterator[Message]:
        for message in self._messages:
            self.read += 1
            yield message


def selected(
    newest_first: Iterable[Message], run: RunRecord, taken: int = 0, rate: int = PLAIN_RATE
) -> list[Message]:
    return select_messages(newest_first, run, taken, rate).messages


def cost(messages: Iterable[Message], rate: int) -> int:
    return sum(corrected(message_tokens(message), rate) for message in messages)


def ids(messages: Sequence[Message]) -> list[str]:
    return [message.id for message in messages]


def run_with(memory: Memory | None = None, **config: Any) -> RunRecord:
    return run_record(run_config(memory=memory, **config))


def budget(run: RunRecord, taken: int) -> int:
    """Return how many tokens messages may have, as the contract says it."""
    limit, memory = run.config.max_prompt_tokens, run.config.memory
    left = (DEFAULT_PROMPT_TOKENS if limit is None else limit - run.usage.prompt_tokens) - taken
    return min(left, memory.max_token_size) if memory and memory.type == "window" else left


def number(run: RunRecord) -> int:
    """Return how many messages there may be, as the contract says it."""
    last, memory = run.config.truncation_strategy.last_messages, run.config.memory
    window = memory.window_size if memory and memory.type == "window" else None
    return min(last or 99, window or 99)


# ---- what holds for every thread and every limit ------------------------------------------------


@given(threads(), RUNS, TAKEN, RATES)
def test_a_thread_with_something_to_tell_is_never_told_as_nothing(
    messages: list[Message], run: RunRecord, taken: int, rate: int
) -> None:
    chosen = selected(Thread(*messages), run, taken, rate)
    told = [message for message in messages if message.run_id != RUN and is_told(message)]
    assert bool(chosen) == bool(told)
    assert set(ids(chosen)) <= set(ids(told))


@given(threads(), RUNS, TAKEN, RATES)
def test_the_newest_user_message_always_survives(
    messages: list[Message], run: RunRecord, taken: int, rate: int
) -> None:
    chosen = selected(Thread(*messages), run, taken, rate)
    users = [m for m in messages if m.role == "user" and m.run_id != RUN and is_told(m)]
    if users:
        assert users[0] in chosen


@given(threads(), RUNS, TAKEN, RATES)
def test_messages_stay_in_their_order(
    messages: list[Message], run: RunRecord, taken: int, rate: int
) -> None:
    chosen = ids(selected(Thread(*messages), run, taken, rate))
    assert chosen == sorted(set(chosen))


@given(threads(), RUNS, TAKEN, RATES)
def test_all_limits_are_kept_but_by_a_message_that_is_alone(
    messages: list[Message], run: RunRecord, taken: int, rate: int
) -> None:
    chosen = selected(Thread(*messages), run, taken, rate)
    assert len(chosen) <= max(1, number(run))
    if len(chosen) > 1:
        assert cost(chosen, rate) <= budget(run, taken)


@given(threads(), RUNS, TAKEN, RATES)
def test_nothing_that_would_fit_is_left_out(
    messages: list[Message], run: RunRecord, taken: int, rate: int
) -> None:
    told = [message for message in messages if message.run_id != RUN and is_told(message)]
    fits = 0
    while (
        fits < min(len(told), number(run))
        and cost(told[: fits + 1], rate) <= budget(run, taken)
        and not (is_zero(run) and any(message.role == "user" for message in told[:fits]))
    ):
        fits += 1
    if any(message.role == "user" for message in told[:fits]):
        assert selected(Thread(*messages), run, taken, rate) == told[:fits][::-1]


@given(threads(), RUNS, TAKEN, RATES)
def test_what_was_selected_is_told_with_its_estimate_before_any_correction(
    messages: list[Message], run: RunRecord, taken: int, rate: int
) -> None:
    selection = select_messages(messages, run, taken, rate)
    assert selection.tokens == sum(message_tokens(message) for message in selection.messages)


@given(threads(), RUNS, TAKEN, RATES, RATES)
def test_the_more_tokens_the_model_counts_the_fewer_messages_it_reads(
    messages: list[Message], run: RunRecord, taken: int, one: int, other: int
) -> None:
    low, high = sorted((one, other))
    assert len(selected(messages, run, taken, high)) <= len(selected(messages, run, taken, low))


@given(threads(), RUNS, TAKEN, RATES)
def test_no_more_of_the_thread_is_read_than_is_needed(
    messages: list[Message], run: RunRecord, taken: int, rate: int
) -> None:
    thread = Thread(*messages)
    chosen = selected(thread, run, taken, rate)
    if chosen and any(message.role == "user" for message in chosen):
        oldest = messages.index(chosen[0])
        beyond = [m for m in messages[oldest + 1 :] if m.run_id != RUN and is_told(m)]
        may_read = messages.index(beyond[0]) + 1 if beyond else len(messages)
        assert thread.read <= may_read
        if is_zero(run) or len(chosen) == number(run):
            assert thread.read == oldest + 1


def is_zero(run: RunRecord) -> bool:
    return run.config.memory is not None and run.config.memory.type == "zero"


# ---- each strategy ------------------------------------------------------------------------------

CONVERSATION = (
    assistant_message("Anything else?", "msg_5"),
    assistant_message("It is noon.", "msg_4"),
    user_message("What time is it?", "msg_3"),
    assistant_message("Hello.", "msg_2"),
    user_message("Hi", "msg_1"),
)


@pytest.mark.parametrize(
    ("memory", "told"),
    [
        (None, ["msg_1", "msg_2", "msg_3", "msg_4", "msg_5"]),
        (Memory(type="naive"), ["msg_1", "msg_2", "msg_3", "msg_4", "msg_5"]),
        (Memory(type="naive", window_size=1), ["msg_1", "msg_2", "msg_3", "msg_4", "msg_5"]),
        (Memory(type="zero"), ["msg_3", "msg_4", "msg_5"]),
        (Memory(type="window", window_size=4), ["msg_2", "msg_3", "msg_4", "msg_5"]),
        (Memory(type="window", window_size=3), ["msg_3", "msg_4", "msg_5"]),
        (Memory(type="window", window_size=2), ["msg_3", "msg_5"]),
        (Memory(type="window", window_size=1), ["msg_3"]),
        (Memory(type="window", max_token_size=1), ["msg_3"]),
    ],
)
def test_a_memory_decides_how_far_back_the_model_reads(
    memory: Memory | None, told: list[str]
) -> None:
    assert ids(selected(Thread(*CONVERSATION), run_with(memory))) == told


def test_without_a_user_message_nothing_breaks() -> None:
    said = (assistant_message("Two", "msg_2"), assistant_message("One", "msg_1"))
    assert ids(selected(said, run_with(Memory(type="zero")))) == ["msg_2"]
    assert ids(selected(said, run_with(Memory(type="naive")))) == ["msg_1", "msg_2"]
    small = Memory(type="window", max_token_size=1)
    assert ids(selected(said, run_with(small))) == ["msg_2"]
    assert selected((), run_with(Memory(type="zero"))) == []


@pytest.mark.parametrize(("last", "size", "most"), [(2, 9, 2), (9, 2, 2), (3, 3, 3)])
def test_of_the_truncation_and_the_memory_the_strictest_counts(
    last: int, size: int, most: int
) -> None:
    strategy = TruncationStrategy(type="last_messages", last_messages=last)
    run = run_with(Memory(type="window", window_size=size), truncation_strategy=strategy)
    messages = [user_message("x", f"msg_{n}") for n in range(9, 0, -1)]
    thread = Thread(*messages)
    assert most_messages(run) == most
    assert selected(thread, run) == messages[:most][::-1]
    assert thread.read == most


def test_a_window_of_twenty_reads_twenty_of_ten_thousand() -> None:
    thread = Thread(*(user_message("x", f"msg_{n:05}") for n in range(10_000, 0, -1)))
    assert len(selected(thread, run_with(Memory(type="window")))) == 20
    assert thread.read == 20


@pytest.mark.parametrize("memory", [Memory(type="window"), Memory(type="window", window_size=1)])
@pytest.mark.parametrize("answer", ["x", "", "word " * 5000])
def test_a_thread_of_nothing_but_answers_is_not_read_to_its_end(
    memory: Memory, answer: str
) -> None:
    content = [TextContent(text=Text(value=answer))] if answer else []
    answers = (assistant_message("", f"msg_{n:05}", content=content) for n in range(5000, 0, -1))
    thread = Thread(*answers)
    chosen = selected(thread, run_with(memory))
    assert thread.read - len(chosen) <= MAX_PASSED_OVER
    assert len(chosen) == {"x": memory.window_size, "": 0}.get(answer, 1)


@pytest.mark.parametrize(("beyond", "found"), [(999, True), (1000, False)])
def test_the_newest_question_is_sought_so_far_and_no_farther(beyond: int, found: bool) -> None:
    newest = [assistant_message("newest", "msg_9"), assistant_message("next", "msg_8")]
    answers = [assistant_message("x", "msg_5")] * beyond
    thread = Thread(*newest, *answers, user_message("Why?", "msg_1"))
    told = ids(selected(thread, run_with(Memory(type="window", window_size=2))))
    assert told == (["msg_1", "msg_9"] if found else ["msg_8", "msg_9"])


def test_tokens_of_a_window_are_tokens_and_not_characters() -> None:
    messages = [user_message("word " * 100, f"msg_{n}") for n in range(9, 0, -1)]
    memory = Memory(type="window", max_token_size=450)
    assert len(selected(messages, run_with(memory))) == 4
    assert len(selected(messages, run_with(max_prompt_tokens=450))) == 4


@pytest.mark.parametrize(("rate", "told"), [(500, 8), (1000, 4), (1100, 3), (2000, 2), (3000, 1)])
def test_the_windows_tokens_are_those_that_the_model_counts(rate: int, told: int) -> None:
    messages = [user_message("word " * 100, f"msg_{n}") for n in range(9, 0, -1)]
    memory = Memory(type="window", max_token_size=450)
    assert len(selected(messages, run_with(memory), 0, rate)) == told
    assert len(selected(messages, run_with(max_prompt_tokens=450), 0, rate)) == told


def test_what_the_prompt_holds_besides_leaves_less_for_messages() -> None:
    messages = [user_message("word " * 100, f"msg_{n}") for n in range(9, 0, -1)]
    run = run_with(max_prompt_tokens=450)
    assert [len(selected(messages, run, taken)) for taken in (0, 100, 200, 449, 9999)] == [
        4,
        3,
        2,
        1,
        1,
    ]


def test_an_image_counts_as_an_image() -> None:
    image = ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png"))
    picture = user_message("", "msg_1", content=[image])
    newest = user_message("x", "msg_2")
    needed = IMAGE_TOKENS + MESSAGE_TOKENS + message_tokens(newest)
    for limit, told in ((needed, ["msg_1", "msg_2"]), (needed - 1, ["msg_2"])):
        assert ids(selected([newest, picture], run_with(max_prompt_tokens=limit))) == told


def test_messages_of_the_run_itself_do_not_count_as_the_threads() -> None:
    own = assistant_message("half a sent", "msg_2", status="incomplete", run_id=RUN)
    other = assistant_message("Hello", "msg_1", run_id="run_other")
    thread = Thread(own, other, user_message("Hi", "msg_0"))
    assert ids(selected(thread, run_record())) == ["msg_0", "msg_1"]


# ---- the prompt's limit over the whole run ------------------------------------------------------


@pytest.mark.parametrize(("used", "left"), [(0, 1000), (400, 600), (1200, -200)])
def test_a_step_may_ask_with_what_the_earlier_ones_left(used: int, left: int) -> None:
    run = run_record(run_config(max_prompt_tokens=1000), usage=Usage(prompt_tokens=used))
    assert prompt_left(run) == left


def test_without_a_limit_each_step_has_the_same_room() -> None:
    run = run_record(run_config(), usage=Usage(prompt_tokens=10**9), step_no=5)
    assert prompt_left(run) == DEFAULT_PROMPT_TOKENS
    assert not is_prompt_spent(run, 10**6)


@pytest.mark.parametrize(
    ("step_no", "taken", "spent"), [(0, 9999, False), (1, 600, False), (1, 601, True)]
)
def test_a_limit_is_spent_once_a_later_step_does_not_fit(
    step_no: int, taken: int, spent: bool
) -> None:
    config = run_config(max_prompt_tokens=1000)
    run = run_record(config, usage=Usage(prompt_tokens=400), step_no=step_no)
    assert is_prompt_spent(run, taken) == spent
