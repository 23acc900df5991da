"""What the model is told besides the thread's messages, and how they are put together."""

from collections.abc import Mapping
from typing import Any

import pytest

from core.context import build_request, fixed_tokens, has_images
from core.message_turns import ToldFile
from core.model import ModelRequest
from core.records import RunRecord
from core.schema.actions import Action
from core.schema.formats import JsonObjectFormat, JsonSchemaFormat, ResponseFormat, TextFormat
from core.schema.messages import (
    Attachment,
    ImageFile,
    ImageFileContent,
    ImageUrl,
    ImageUrlContent,
    Message,
    MessageContent,
    Text,
    TextContent,
)
from core.schema.runs import Usage
from core.schema.steps import RunStep
from core.schema.tools import (
    ActionTool,
    FunctionTool,
    NamedFunction,
    NamedToolChoice,
    WebSearchTool,
)
from core.web_search import WEB_SEARCH_INSTRUCTIONS
from tests.support.runs import (
    action_call,
    assistant_message,
    call_step,
    function_call,
    message_step,
    run_record,
    user_message,
)
from tests.support.world import function_tool, run_config


def request(
    *,
    run: RunRecord | None = None,
    messages: tuple[Message, ...] = (),
    steps: tuple[RunStep, ...] = (),
    own: tuple[Message, ...] = (),
    actions: tuple[Action, ...] = (),
    files: Mapping[str, ToldFile] | None = None,
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
        files or {},
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


def test_the_files_of_a_message_are_told_with_it() -> None:
    attached = user_message("Read.", attachments=[Attachment(file_id="file-1")])
    told = request(messages=(attached,), files={"file-1": ToldFile("notes.txt")})
    assert told.messages[0]["content"].startswith("Read.\nThe user attached")


def test_a_message_without_content_is_not_told() -> None:
    silent = assistant_message("", content=[])
    asked = user_message("Hi")
    assert request(messages=(silent, asked)).messages == request(messages=(asked,)).messages


def test_where_there_is_nothing_to_tell_the_user_says_nothing() -> None:
    assert request().messages == [{"role": "user", "content": ""}]
    assert request(instructions="Greet.").messages == [{"role": "system", "content": "Greet."}]


SEARCH = WebSearchTool(type="web_search")


@pytest.mark.parametrize(
    ("instructions", "told"),
    [
        ("", WEB_SEARCH_INSTRUCTIONS),
        ("Be kind.", f"Be kind.\n\n{WEB_SEARCH_INSTRUCTIONS}"),
    ],
)
def test_what_a_tool_asks_of_the_answer_follows_the_runs_own_instructions(
    instructions: str, told: str
) -> None:
    tools = [function_tool("f"), SEARCH]
    assert request(instructions=instructions, tools=tools).messages == [
        {"role": "system", "content": told}
    ]
    assert "URLs" in told


def test_functions_and_actions_ask_nothing_of_the_answer() -> None:
    tools = [function_tool("f"), ActionTool(type="action", id="action_1")]
    told = request(instructions="Be kind.", tools=tools, actions=(action(),))
    assert told.messages == [{"role": "system", "content": "Be kind."}]


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


LATE_STEPS = ("step_3",)
COMPLETED = {"status": "completed"}
BEFORE = message_step("step_1", "msg_1", **COMPLETED)
CALLS = call_step(function_call("c1", output="1"), step_id="step_2", **COMPLETED)
AFTER = message_step("step_3", "msg_3", **COMPLETED)
NEXT = message_step("step_4", "msg_4", **COMPLETED)
NEXT_CALLS = call_step(function_call("c2", output="2"), step_id="step_5", **COMPLETED)
SPOKEN = (
    assistant_message("before", "msg_1"),
    assistant_message("after", "msg_3"),
    assistant_message("next", "msg_4"),
)


@pytest.mark.parametrize(
    ("steps", "contents"),
    [
        ((BEFORE, CALLS, AFTER, NEXT, NEXT_CALLS), ["before\nafter", "next"]),
        ((BEFORE, CALLS, AFTER, NEXT_CALLS), ["before\nafter", None]),
        ((BEFORE, CALLS, NEXT, NEXT_CALLS), ["before", "next"]),
        ((CALLS, AFTER, NEXT_CALLS), ["after", None]),
        ((BEFORE, CALLS, AFTER), ["before\nafter"]),
        ((CALLS, AFTER), ["after"]),
        # The next attempt at a turn broke off when its message was whole.
        ((CALLS, AFTER, NEXT), ["after"]),
    ],
)
def test_what_was_said_after_calls_belongs_to_the_turn_that_called(
    steps: tuple[RunStep, ...], contents: list[str | None]
) -> None:
    run = run_record(run_config(instructions=""), late_steps=LATE_STEPS)
    told = request(run=run, steps=steps, own=SPOKEN)
    asked = [turn for turn in told.messages if turn["role"] == "assistant"]
    assert [turn["content"] for turn in asked] == contents
    roles = [turn["role"] for turn in told.messages]
    assert roles == ["assistant", "tool"] * len(contents), "a result follows its call at once"


def test_a_late_message_that_was_deleted_leaves_its_calls() -> None:
    run = run_record(run_config(instructions=""), late_steps=LATE_STEPS)
    told = request(run=run, steps=(BEFORE, CALLS, AFTER), own=SPOKEN[:1])
    assert told.messages[0]["content"] == "before"


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired", "in_progress"])
def test_steps_that_broke_off_are_not_told(status: str) -> None:
    steps = (
        message_step("step_1", "msg_1", status=status),
        call_step(function_call("c1"), step_id="step_2", status=status),
    )
    own = (assistant_message("half", "msg_1"),)
    assert request(steps=steps, own=own).messages == request().messages


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


@pytest.mark.parametrize(("used", "left"), [(0, 300), (100, 200), (299, 1)])
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


# ---- further parameters -----------------------------------------------------------------------


def test_the_models_own_parameters_are_passed_on_as_they_are() -> None:
    params = {"frequency_penalty": 0, "seed": 7, "stop": None, "extra": {"deep": [1, {}]}}
    assert request(model_params=params).parameters == params


def test_the_models_own_parameters_replace_what_the_run_did_not_give() -> None:
    told = request(temperature=0.7, top_p=0.5, model_params={"temperature": 0})
    assert told.parameters == {"temperature": 0, "top_p": 0.5}


def test_a_strict_schema_reaches_the_model_as_it_was_written() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"], "default": None, "enum": ["x", None]}},
        "required": ["a"],
        "additionalProperties": False,
    }
    given_format = JsonSchemaFormat.model_validate(
        {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    )
    assert request(response_format=given_format).parameters["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": schema, "strict": True},
    }
    tool = FunctionTool.model_validate(
        {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}
    )
    told = request(tools=[tool]).tools[0]["function"]
    assert (told["parameters"], told["strict"]) == (schema, True)


# ---- images -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (TextContent(text=Text(value="data:image/png;base64,AAAA")), False),
        (ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png")), True),
        (ImageFileContent(image_file=ImageFile(file_id="file-1")), True),
        (ImageFileContent(image_file=ImageFile(file_id="file-gone")), False),
    ],
)
def test_a_request_with_images_is_known(content: MessageContent, shown: bool) -> None:
    steps = (call_step(function_call("c1", output="1"), status="completed"),)
    files = {"file-1": ToldFile("cat.png", "data:image/png;base64,AAAA")}
    asked = user_message("See:", content=[TextContent(text=Text(value="See:")), content])
    told = request(instructions="Look.", messages=(asked,), steps=steps, files=files)
    assert has_images(told) is shown


# ---- what cannot be left out ------------------------------------------------------------------


def fixed(steps: tuple[RunStep, ...] = (), **config: Any) -> int:
    run = run_record(run_config(**{"instructions": ""} | config))
    return fixed_tokens(run, steps, {}, {})


def test_instructions_tools_formats_and_earlier_steps_count_as_a_part_of_the_prompt() -> None:
    words = "one two three four " * 100
    least = fixed()
    assert least < 10
    assert fixed(instructions=words) == pytest.approx(400, rel=0.1)
    tool = FunctionTool.model_validate(
        {"type": "function", "function": {"name": "f", "description": words}}
    )
    assert fixed(tools=[tool]) == pytest.approx(425, rel=0.1)
    schema = {"type": "object", "description": words}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert fixed(response_format=JsonSchemaFormat.model_validate(wanted)) > least + 380
    called = call_step(
        function_call("c1", arguments=f'{{"a": "{words}"}}', output=words), status="completed"
    )
    assert fixed((called,)) == pytest.approx(800, rel=0.1)
    broken_off = called.model_copy(update={"status": "failed"})
    assert fixed((broken_off,)) == least
