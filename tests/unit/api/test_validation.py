"""Each mistake in a request is told in OpenAI's words, with the field's name and nothing secret."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from api.validation import UNPARSABLE, invalid_request
from core.errors import InvalidRequest
from core.schema.actions import CreateActions
from core.schema.assistants import CreateAssistant
from core.schema.messages import CreateMessage
from core.schema.runs import CreateRun, SubmitToolOutputs
from core.schema.threads import CreateThread

FUNCTION = {"type": "function", "function": {"name": "f"}}


def refusal(model: type[BaseModel], body: Any) -> InvalidRequest:
    with pytest.raises(ValidationError) as failure:
        model.model_validate(body)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in failure.value.errors()]
    return invalid_request(errors, body)


def assistant(**fields: Any) -> dict[str, Any]:
    return {"model": "m", **fields}


def message(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def run(**fields: Any) -> dict[str, Any]:
    return {"assistant_id": "asst_1", **fields}


@pytest.mark.parametrize(
    ("model", "body", "param"),
    [
        (CreateAssistant, {}, "model"),
        (CreateAssistant, assistant(tools=[{"type": "function"}]), "tools[0].function"),
        (
            CreateAssistant,
            assistant(tools=[FUNCTION, {"type": "function", "function": {}}]),
            "tools[1].function.name",
        ),
        (CreateAssistant, assistant(tools=[{"type": "action"}]), "tools[0].id"),
        (CreateAssistant, assistant(tools=[{}]), "tools[0].type"),
        (
            CreateAssistant,
            assistant(response_format={"type": "json_schema"}),
            "response_format.json_schema",
        ),
        (
            CreateAssistant,
            assistant(response_format={"type": "json_schema", "json_schema": {}}),
            "response_format.json_schema.name",
        ),
        (CreateMessage, {"role": "user"}, "content"),
        (CreateMessage, message([{"type": "text"}]), "content[0].text"),
        (
            CreateMessage,
            message([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]),
            "content[1].image_url.url",
        ),
        (
            CreateThread,
            {"messages": [message("a"), message([{"type": "text"}])]},
            "messages[1].content[0].text",
        ),
        (CreateRun, {}, "assistant_id"),
        (
            CreateRun,
            run(action_authentications={"action_1": {"type": "bearer"}}),
            "action_authentications.action_1.secret",
        ),
        (
            CreateRun,
            run(extra_body={"action_authentications": {"bearer": {"type": "bearer"}}}),
            "extra_body.action_authentications.bearer.secret",
        ),
        (CreateActions, {"openapi_schema": {}, "authentication": {}}, "authentication.type"),
        (
            CreateActions,
            {"openapi_schema": {}, "authentication": {"type": "api_key", "name": "k"}},
            "authentication.in",
        ),
        (CreateRun, run(tool_choice={"type": "function"}), "tool_choice.function"),
        (
            CreateRun,
            run(tool_choice={"type": "function", "function": {}}),
            "tool_choice.function.name",
        ),
        (CreateRun, run(truncation_strategy={}), "truncation_strategy.type"),
        (SubmitToolOutputs, {"tool_outputs": [{"output": "a"}]}, "tool_outputs[0].tool_call_id"),
    ],
)
def test_a_missing_field_is_named_as_the_client_would_write_it(
    model: type[BaseModel], body: Any, param: str
) -> None:
    error = refusal(model, body)
    assert error.message == f"Missing required parameter: '{param}'."
    assert (error.param, error.code) == (param, "missing_required_parameter")


@pytest.mark.parametrize(
    ("model", "body", "param"),
    [
        (CreateAssistant, assistant(x=1), "x"),
        (CreateAssistant, assistant(tools=[FUNCTION | {"x": 1}]), "tools[0].x"),
        (
            CreateAssistant,
            assistant(tools=[{"type": "function", "function": {"name": "f", "x": 1}}]),
            "tools[0].function.x",
        ),
        (CreateMessage, message([{"type": "text", "text": "a", "x": 1}]), "content[0].x"),
        (CreateThread, {"messages": [message("a", x=1)]}, "messages[0].x"),
        (CreateRun, run(additional_messages=[message("a", x=1)]), "additional_messages[0].x"),
    ],
)
def test_an_unknown_field_is_named(model: type[BaseModel], body: Any, param: str) -> None:
    error = refusal(model, body)
    assert error.message == f"Unknown parameter: '{param}'."
    assert (error.param, error.code) == (param, "unknown_parameter")


def test_a_very_long_name_of_a_field_is_cut() -> None:
    error = refusal(CreateAssistant, assistant(**{"x" * 10_000: 1}))
    assert error.param == "x" * 64 + "…"


@pytest.mark.parametrize(
    ("model", "body", "param", "expected", "got"),
    [
        (CreateAssistant, assistant(temperature="hot"), "temperature", "a decimal", "a string"),
        (CreateAssistant, assistant(temperature=True), "temperature", "a decimal", "a boolean"),
        (CreateAssistant, {"model": None}, "model", "a string", "null"),
        (CreateAssistant, assistant(tools={}), "tools", "an array", "an object"),
        (CreateAssistant, assistant(tools=["f"]), "tools[0]", "an object", "a string"),
        (CreateAssistant, assistant(metadata=[]), "metadata", "an object", "an array"),
        (CreateAssistant, assistant(metadata={"k": 1}), "metadata.k", "a string", "an integer"),
        (CreateMessage, message("a") | {"role": 5}, "role", "a string", "an integer"),
        (
            CreateMessage,
            message(5),
            "content",
            "one of a string or an array",
            "an integer",
        ),
        (CreateMessage, message([5]), "content[0]", "an object", "an integer"),
        (
            CreateRun,
            run(tool_choice=5),
            "tool_choice",
            "one of a string or an object",
            "an integer",
        ),
        (CreateRun, run(stream="yes"), "stream", "a boolean", "a string"),
        (
            CreateRun,
            run(max_prompt_tokens=300.5),
            "max_prompt_tokens",
            "an integer",
            "a decimal number",
        ),
    ],
)
def test_a_wrong_type_is_told_with_the_right_one(
    model: type[BaseModel], body: Any, param: str, expected: str, got: str
) -> None:
    error = refusal(model, body)
    assert (
        error.message == f"Invalid type for '{param}': expected {expected}, but got {got} instead."
    )
    assert (error.param, error.code) == (param, "invalid_type")


@pytest.mark.parametrize(
    ("model", "body", "message", "code"),
    [
        (
            CreateAssistant,
            assistant(temperature=2.5),
            "Invalid 'temperature': decimal above maximum value. "
            "Expected a value <= 2, but got 2.5 instead.",
            "decimal_above_max_value",
        ),
        (
            CreateAssistant,
            assistant(top_p=-1),
            "Invalid 'top_p': decimal below minimum value. "
            "Expected a value >= 0, but got -1 instead.",
            "decimal_below_min_value",
        ),
        (
            CreateRun,
            run(max_completion_tokens=255),
            "Invalid 'max_completion_tokens': integer below minimum value. "
            "Expected a value >= 256, but got 255 instead.",
            "integer_below_min_value",
        ),
        (
            CreateAssistant,
            assistant(name="x" * 257),
            "Invalid 'name': string too long. "
            "Expected a string with maximum length 256, but got a string with length 257 instead.",
            "string_above_max_length",
        ),
        *(
            (
                model,
                body | {field: "x" * 256_001},
                f"Invalid '{field}': string too long. Expected a string with maximum length "
                "256000, but got a string with length 256001 instead.",
                "string_above_max_length",
            )
            for model, body, field in (
                (CreateAssistant, assistant(), "instructions"),
                (CreateRun, run(), "instructions"),
                (CreateRun, run(), "additional_instructions"),
            )
        ),
        (
            CreateMessage,
            message(""),
            "Invalid 'content': empty string. "
            "Expected a string with minimum length 1, but got an empty string instead.",
            "empty_string",
        ),
        (
            CreateMessage,
            message([]),
            "Invalid 'content': empty array. "
            "Expected an array with minimum length 1, but got an empty array instead.",
            "empty_array",
        ),
        (
            CreateRun,
            run(tools=[FUNCTION] * 21),
            "Invalid 'tools': array too long. "
            "Expected an array with maximum length 20, but got an array with length 21 instead.",
            "array_above_max_length",
        ),
    ],
)
def test_a_value_out_of_bounds_is_told_with_the_bound(
    model: type[BaseModel], body: Any, message: str, code: str
) -> None:
    error = refusal(model, body)
    assert (error.message, error.code) == (message, code)


def test_instructions_may_be_as_long_as_at_openai() -> None:
    longest = "x" * 256_000
    assert CreateAssistant.model_validate(assistant(instructions=longest)).instructions == longest
    assert CreateRun.model_validate(run(instructions=longest)).instructions == longest


@pytest.mark.parametrize(
    ("model", "body", "param", "supported"),
    [
        (CreateMessage, message("a") | {"role": "SECRET"}, "role", "'user' and 'assistant'"),
        (
            CreateAssistant,
            assistant(tools=[{"type": "SECRET"}]),
            "tools[0].type",
            "'function', 'action', and 'web_search'",
        ),
        (
            CreateAssistant,
            assistant(response_format={"type": "SECRET"}),
            "response_format.type",
            "'text', 'json_object', and 'json_schema'",
        ),
        (
            CreateRun,
            run(tool_choice="SECRET"),
            "tool_choice",
            "'none', 'auto', and 'required'",
        ),
        (
            CreateRun,
            run(tool_choice={"type": "SECRET"}),
            "tool_choice.type",
            "'function' and 'web_search'",
        ),
        (
            CreateActions,
            {"openapi_schema": {}, "authentication": {"type": "SECRET"}},
            "authentication.type",
            "'none', 'bearer', 'basic', 'api_key', 'custom', and 'oauth2_client_credentials'",
        ),
    ],
)
def test_an_unknown_value_is_answered_with_the_known_ones_and_not_repeated(
    model: type[BaseModel], body: Any, param: str | None, supported: str
) -> None:
    error = refusal(model, body)
    assert param is None or error.param == param
    assert error.message.endswith(f"Supported values are: {supported}.")
    assert "SECRET" not in error.message


@pytest.mark.parametrize("kind", ["file_search", "code_interpreter", "web_search_preview", "mcp"])
def test_a_tool_of_openai_that_is_not_served_is_named(kind: str) -> None:
    error = refusal(CreateRun, run(tools=[FUNCTION, {"type": kind}]))
    assert error.message == (
        f"Unsupported value: '{kind}' is not served here yet. "
        "Supported values are: 'function', 'action', and 'web_search'."
    )
    assert (error.param, error.code) == ("tools[1].type", "unsupported_value")


def test_a_pattern_is_told() -> None:
    tool = {"type": "function", "function": {"name": "two words"}}
    error = refusal(CreateAssistant, assistant(tools=[tool]))
    assert error.message == (
        "Invalid 'tools[0].function.name': string does not match pattern. "
        "Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'."
    )


def test_too_much_metadata_is_told_with_the_limit() -> None:
    error = refusal(CreateThread, {"metadata": {str(number): "" for number in range(17)}})
    assert error.param == "metadata"
    assert "at most 16 pairs, but got 17" in error.message


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "expected an object, but got an array instead"),
        ("text", "expected an object, but got a string instead"),
        (b"{}", "Content-Type: application/json"),
    ],
)
def test_a_body_that_is_no_object_is_told_so(body: Any, told: str) -> None:
    error = refusal(CreateThread, body)
    assert told in error.message
    assert error.param is None


def test_text_that_is_not_json_is_told_in_openais_words() -> None:
    errors = [{"type": "json_invalid", "loc": ("body", 0), "input": {}, "ctx": {"error": "?"}}]
    assert invalid_request(errors, "SECRET").message == UNPARSABLE


def test_a_mistake_of_an_unknown_kind_names_its_field() -> None:
    errors = [{"type": "new_kind", "loc": ("body", "model"), "input": "SECRET", "msg": "SECRET"}]
    error = invalid_request(errors, {"model": "SECRET"})
    assert (error.message, error.param) == ("Invalid value for 'model'.", "model")


def test_the_first_field_at_fault_is_told() -> None:
    body = assistant(name=5, tools=[{"type": "function", "function": {}}], x=1)
    assert refusal(CreateAssistant, body).param == "name"


def test_nothing_that_was_sent_as_a_value_is_repeated() -> None:
    bodies: list[tuple[type[BaseModel], Any]] = [
        (CreateMessage, message([{"type": "text", "text": {"SECRET": "SECRET"}}])),
        (CreateMessage, message({"SECRET": "SECRET"})),
        (CreateMessage, {"role": "SECRET", "content": "SECRET"}),
        (CreateAssistant, assistant(name=["SECRET"])),
        (CreateAssistant, assistant(metadata={"k": ["SECRET"]})),
        (CreateAssistant, assistant(metadata={"k": "SECRET" * 100})),
        (CreateAssistant, assistant(tools=[{"type": "SECRET"}])),
        (CreateRun, run(temperature="SECRET")),
        (SubmitToolOutputs, {"tool_outputs": [{"tool_call_id": "a", "output": ["SECRET"]}]}),
        (SubmitToolOutputs, {"tool_outputs": "SECRET"}),
    ]
    for model, body in bodies:
        assert "SECRET" not in str(refusal(model, body).body())
