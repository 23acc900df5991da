"""What the model is told, and how little of a thread is read for it."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.context import (
    CHARACTERS_PER_TOKEN,
    DEFAULT_PROMPT_TOKENS,
    build_request,
    select_messages,
)
from core.model import ModelRequest
from core.records import RunRecord
from core.schema.actions import Action
from core.schema.formats import JsonObjectFormat, JsonSchemaFormat, ResponseFormat, TextFormat
from core.schema.messages import ImageUrl, ImageUrlContent, Message, RefusalContent
from core.schema.runs import TruncationStrategy, Usage
from core.schema.steps import RunStep
from core.schema.tools import ActionTool, NamedFunction, NamedToolChoice
from tests.support.runs import (
    RUN,
    action_call,
    assistant_message,
    call_step,
    function_call,
    message_step,
    run_record,
    user_message,
)
from tests.support.world import function_tool, run_config

IMAGE_CHARACTERS = 1000 * CHARACTERS_PER_TOKEN
# A limit of 256 tokens is the least that a client may ask for.
LIMITS = st.none() | st.integers(256, 300)
THREADS = st.lists(st.integers(0, 600), max_size=12)


class Thread:
    """A thread's messages, newest first; counts how many of them are read."""

    def __init__(self, *messages: Message) -> None:
        self._messages = messages
        self.read = 0

    def __iter__(self) -> Iterator[Message]:
        for message in self._messages:
            self.read += 1
            yield message


def request(
    *,
    run: RunRecord | None = None,
    messages: tuple[Message, ...] = (),
    steps: tuple[RunStep, ...] = (),
    own: tuple[Message, ...] = (),
    actions: tuple[Action, ...] = (),
    calls_allowed: bool = True,
    step_no: int = 0,
    usage: Usage | None = None,
    **config: Any,
) -> ModelRequest:
    run = run or run_record(
        run_config(**{"instructions": ""} | config), step_no=step_no, usage=usage or Usage()
    )
    return build_request(
        run,
        messages,
        steps,
        {message.id: message for message in own},
        {action.id: action for action in actions},
        calls_allowed=calls_allowed,
    )


def action(name: str = "look_up") -> Action:
    return Action(
        id="action_1",
        created_at=1,
        name=name,
        description="Looks something up.",
        method="GET",
        server_url="https://api.example",
        path="/x",
        parameters={"type": "object", "properties": {"q": {"type": "string"}}},
        metadata={},
    )


# ---- which messages ---------------------------------------------------------------------------


@given(sizes=THREADS, limit=LIMITS, last=st.none() | st.integers(1, 12))
def test_the_window_is_the_longest_run_of_newest_messages_that_fits(
    sizes: list[int], limit: int | None, last: int | None
) -> None:
    strategy = TruncationStrategy(
        type="auto" if last is None else "last_messages", last_messages=last
    )
    config = run_config(
        instructions="i" * 40, max_prompt_tokens=limit, truncation_strategy=strategy
    )
    messages = [user_message("x" * size, f"msg_{n}") for n, size in enumerate(sizes)]
    thread = Thread(*messages)
    chosen = select_messages(thread, run_record(config))

    assert chosen == messages[: len(chosen)][::-1]
    budget = (limit or DEFAULT_PROMPT_TOKENS) * CHARACTERS_PER_TOKEN - 40
    if messages:
        assert chosen, "the newest message always survives"
        assert len(chosen) == 1 or sum(sizes[: len(chosen)]) <= budget
        assert last is None or len(chosen) <= last
    if len(chosen) < len(messages):
        one_more = sum(sizes[: len(chosen) + 1]) > budget
        assert one_more or len(chosen) == last
    assert thread.read <= len(chosen) + 1, "more of the thread was read than was needed"


def test_messages_of_the_run_itself_do_not_count_as_the_threads() -> None:
    own = assistant_message("half a sent", "msg_2", status="incomplete", run_id=RUN)
    other = assistant_message("Hello", "msg_1", run_id="run_other")
    thread = Thread(own, other, user_message("Hi", "msg_0"))
    assert [message.id for message in select_messages(thread, run_record())] == ["msg_0", "msg_1"]


def test_a_message_larger_than_the_window_is_told_if_it_is_the_newest() -> None:
    config = run_config(max_prompt_tokens=256)
    thread = Thread(user_message("x" * 5000, "msg_1"), user_message("older", "msg_0"))
    assert [message.id for message in select_messages(thread, run_record(config))] == ["msg_1"]
    assert thread.read == 2


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_an_image_costs_as_much_as_a_thousand_tokens(spare: int, fits: bool) -> None:
    image = ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png"))
    newest = assistant_message("", "msg_2", content=[RefusalContent(refusal="y" * 10)])
    picture = user_message("", "msg_1", content=[image])
    oldest = user_message("x", "msg_0")
    needed = 10 + IMAGE_CHARACTERS + 1
    tokens = 1100
    instructions = "i" * (tokens * CHARACTERS_PER_TOKEN - needed - spare)
    config = run_config(instructions=instructions, max_prompt_tokens=tokens)
    chosen = select_messages(Thread(newest, picture, oldest), run_record(config))
    assert (oldest in chosen) == fits
    assert picture in chosen


def test_an_empty_thread_gives_no_messages() -> None:
    assert select_messages(Thread(), run_record()) == []


# ---- how they are told ------------------------------------------------------------------------


def test_instructions_come_first_and_messages_in_order() -> None:
    told = request(
        instructions="Be kind.",
        messages=(user_message("Hi"), assistant_message("Hello"), user_message("Bye")),
    )
    assert told.messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Bye"},
    ]
    assert told.model == "test-model"
    assert request(messages=(user_message("Hi"),)).messages == [{"role": "user", "content": "Hi"}]


def test_images_are_told_as_parts_beside_the_text() -> None:
    image = ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png", detail="low"))
    text = user_message("What is this?").content
    told = request(messages=(user_message("", content=[*text, image]),))
    assert told.messages == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {
                    "type": "image_url",
                    "image_url": {"url": "https://x.example/i.png", "detail": "low"},
                },
            ],
        }
    ]


def test_several_texts_and_a_refusal_are_told_as_one() -> None:
    parts = [*assistant_message("One").content, RefusalContent(refusal="No.")]
    told = request(messages=(assistant_message("", content=parts),))
    assert told.messages == [{"role": "assistant", "content": "One\nNo."}]


def test_a_refusal_beside_an_image_is_a_text() -> None:
    image = ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png"))
    told = request(messages=(user_message("", content=[RefusalContent(refusal="No."), image]),))
    assert told.messages[0]["content"][0] == {"type": "text", "text": "No."}


def test_images_of_an_assistant_are_left_out_of_its_words() -> None:
    image = ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png"))
    parts = [*assistant_message("See:").content, image]
    told = request(messages=(assistant_message("", content=parts),))
    assert told.messages == [{"role": "assistant", "content": "See:"}]


def test_a_message_without_content_is_not_told() -> None:
    assert request(messages=(assistant_message("", content=[]),)).messages == []


# ---- earlier steps ----------------------------------------------------------------------------


def test_earlier_steps_are_told_as_calls_and_their_results() -> None:
    steps = (
        message_step("step_1", "msg_1", status="completed"),
        call_step(
            function_call("call_1", "f", '{"a": 1}', "one"),
            action_call("call_2", "look_up", "", '{"error": "no"}'),
            step_id="step_2",
            status="completed",
        ),
    )
    told = request(steps=steps, own=(assistant_message("I look.", "msg_1"),), step_no=1)
    assert told.messages == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a": 1}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "look_up", "arguments": "{}"},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "one"},
        {"role": "tool", "tool_call_id": "call_2", "content": '{"error": "no"}'},
    ]


def test_what_was_said_before_one_call_is_not_told_before_the_next() -> None:
    steps = (
        message_step("step_1", "msg_1", status="completed"),
        call_step(function_call("c1", output="1"), step_id="step_2", status="completed"),
        call_step(function_call("c2", output="2"), step_id="step_3", status="completed"),
    )
    told = request(steps=steps, own=(assistant_message("I look.", "msg_1"),))
    contents = [turn["content"] for turn in told.messages if turn["role"] == "assistant"]
    assert contents == ["I look.", None]


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired", "in_progress"])
def test_steps_that_broke_off_are_not_told(status: str) -> None:
    steps = (
        message_step("step_1", "msg_1", status=status),
        call_step(function_call("c1"), step_id="step_2", status=status),
    )
    assert request(steps=steps, own=(assistant_message("half", "msg_1"),)).messages == []


def test_a_call_whose_words_are_gone_is_told_without_them() -> None:
    steps = (
        message_step("step_1", "msg_deleted", status="completed"),
        call_step(function_call("c1", output=""), step_id="step_2", status="completed"),
    )
    told = request(steps=steps)
    assert told.messages[0]["content"] is None
    assert told.messages[1] == {"role": "tool", "tool_call_id": "c1", "content": ""}


# ---- parameters -------------------------------------------------------------------------------


def test_what_was_not_given_is_left_to_the_model() -> None:
    assert request().parameters == {}


def test_zero_is_a_value() -> None:
    given_zeros = request(temperature=0.0, top_p=0.0)
    assert given_zeros.parameters == {"temperature": 0.0, "top_p": 0.0}


def test_what_was_given_is_passed_on() -> None:
    told = request(temperature=1.5, top_p=0.5, reasoning_effort="none")
    assert told.parameters == {"temperature": 1.5, "top_p": 0.5, "reasoning_effort": "none"}


@pytest.mark.parametrize(("used", "left"), [(0, 300), (100, 200), (299, 1), (300, 1), (999, 1)])
def test_a_step_may_use_what_the_earlier_ones_left(used: int, left: int) -> None:
    spent = Usage(prompt_tokens=5000, completion_tokens=used, total_tokens=5000 + used)
    told = request(max_completion_tokens=300, usage=spent)
    assert told.parameters == {"max_completion_tokens": left}


@pytest.mark.parametrize(
    ("given_format", "told"),
    [
        (TextFormat(type="text"), {"type": "text"}),
        (JsonObjectFormat(type="json_object"), {"type": "json_object"}),
        (
            JsonSchemaFormat.model_validate(
                {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": False},
                }
            ),
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": False},
            },
        ),
    ],
)
def test_the_format_of_the_answer_is_told_as_it_was_given(
    given_format: ResponseFormat, told: dict[str, Any]
) -> None:
    assert request(response_format=given_format).parameters == {"response_format": told}


# ---- tools ------------------------------------------------------------------------------------


def test_functions_and_actions_are_offered_alike() -> None:
    told = request(
        tools=[function_tool("f"), ActionTool(type="action", id="action_1")], actions=(action(),)
    )
    assert told.tools == [
        {"type": "function", "function": {"name": "f"}},
        {
            "type": "function",
            "function": {
                "name": "look_up",
                "description": "Looks something up.",
                "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
            },
        },
    ]


def test_an_action_that_was_deleted_is_not_offered() -> None:
    told = request(tools=[ActionTool(type="action", id="action_gone")], tool_choice="required")
    assert told.tools == []
    assert told.parameters == {}


FORCED = NamedToolChoice(type="function", function=NamedFunction(name="f"))


@pytest.mark.parametrize(
    ("choice", "first", "later"),
    [
        ("auto", "auto", "auto"),
        ("none", "none", "none"),
        ("required", "required", "auto"),
        (FORCED, {"type": "function", "function": {"name": "f"}}, "auto"),
    ],
)
def test_a_call_is_forced_in_the_first_step_only(choice: Any, first: Any, later: Any) -> None:
    tools = [function_tool("f")]
    for step_no, expected in [(0, first), (1, later), (7, later)]:
        told = request(tools=tools, tool_choice=choice, step_no=step_no)
        assert told.parameters == {"tool_choice": expected}


@pytest.mark.parametrize("choice", ["auto", "required", FORCED])
def test_the_step_that_must_end_in_words_may_not_call(choice: Any) -> None:
    told = request(tools=[function_tool("f")], tool_choice=choice, calls_allowed=False)
    assert told.parameters == {"tool_choice": "none"}
    assert told.tools, "the model must still know the tools that it called"


def test_parallel_calls_are_mentioned_only_to_forbid_them() -> None:
    tools = [function_tool("f")]
    assert "parallel_tool_calls" not in request(tools=tools).parameters
    forbidden = request(tools=tools, parallel_tool_calls=False)
    assert forbidden.parameters["parallel_tool_calls"] is False
    assert request(parallel_tool_calls=False).parameters == {}
