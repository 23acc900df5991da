"""A run's own values replace its assistant's, where they are given."""

from typing import Any

import pytest

from api.services.run_config import run_config
from core.errors import InvalidRequest
from core.memory import Memory
from core.schema.assistants import Assistant, AssistantRecord
from core.schema.runs import CreateRun
from core.schema.tools import FunctionTool

TOOL = FunctionTool.model_validate({"type": "function", "function": {"name": "f"}})


def assistant(**fields: Any) -> AssistantRecord:
    values: dict[str, Any] = {
        "id": "asst_1",
        "created_at": 1,
        "name": None,
        "description": None,
        "model": "assistant-model",
        "instructions": "Be kind.",
        "tools": [TOOL],
        "metadata": {"of": "assistant"},
        "temperature": 0.7,
        "top_p": 0.8,
        "response_format": {"type": "json_object"},
    }
    effort = fields.pop("reasoning_effort", "low")
    wire = Assistant.model_validate(values | fields)
    return AssistantRecord(wire=wire, reasoning_effort=effort)


def request(**fields: Any) -> CreateRun:
    return CreateRun.model_validate({"assistant_id": "asst_1", **fields})


def test_without_values_of_its_own_a_run_takes_the_assistants() -> None:
    config = run_config(assistant(), request())
    assert config.model == "assistant-model"
    assert config.instructions == "Be kind."
    assert config.tools == [TOOL]
    assert (config.temperature, config.top_p) == (0.7, 0.8)
    assert config.response_format == assistant().wire.response_format
    assert config.reasoning_effort == "low"


def test_what_neither_gives_gets_openais_defaults() -> None:
    bare = assistant(
        instructions=None,
        temperature=None,
        top_p=None,
        response_format=None,
        reasoning_effort=None,
    )
    config = run_config(bare, request())
    assert config.instructions == ""
    assert (config.temperature, config.top_p, config.reasoning_effort) == (None, None, None)
    assert config.response_format == "auto"
    assert config.tool_choice == "auto"
    assert config.parallel_tool_calls is True
    assert config.truncation_strategy.type == "auto"
    assert (config.max_prompt_tokens, config.max_completion_tokens) == (None, None)


def test_metadata_is_the_runs_own() -> None:
    assert run_config(assistant(), request()).metadata == {}
    assert run_config(assistant(), request(metadata={"of": "run"})).metadata == {"of": "run"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "run-model"),
        ("instructions", ""),
        ("instructions", "Be quick."),
        ("tools", []),
        ("temperature", 0),
        ("top_p", 0.0),
        ("response_format", "auto"),
        ("reasoning_effort", "high"),
        ("tool_choice", "none"),
        ("parallel_tool_calls", False),
        ("max_prompt_tokens", 256),
        ("max_completion_tokens", 300),
    ],
)
def test_a_given_value_counts_even_if_it_is_zero_or_empty(field: str, value: Any) -> None:
    assert getattr(run_config(assistant(), request(**{field: value})), field) == value


@pytest.mark.parametrize("field", ["model", "instructions", "tools", "temperature"])
def test_null_counts_as_not_given(field: str) -> None:
    assert run_config(assistant(), request(**{field: None})) == run_config(assistant(), request())


@pytest.mark.parametrize(
    ("own", "given", "additional", "expected"),
    [
        ("A", None, "B", "A\n\nB"),
        ("A", "C", "B", "C\n\nB"),
        ("A", "", "B", "B"),
        (None, None, "B", "B"),
        ("A", None, "", "A"),
        ("A", None, None, "A"),
    ],
)
def test_additional_instructions_are_appended_after_a_blank_line(
    own: str | None, given: str | None, additional: str | None, expected: str
) -> None:
    wanted = request(instructions=given, additional_instructions=additional)
    assert run_config(assistant(instructions=own), wanted).instructions == expected


def test_keeping_the_last_messages_needs_their_number() -> None:
    strategy = {"type": "last_messages", "last_messages": 3}
    assert (
        run_config(
            assistant(), request(truncation_strategy=strategy)
        ).truncation_strategy.last_messages
        == 3
    )
    with pytest.raises(InvalidRequest) as failure:
        run_config(assistant(), request(truncation_strategy={"type": "last_messages"}))
    assert failure.value.param == "truncation_strategy.last_messages"


def test_the_assistants_memory_is_fixed_when_the_run_is_created() -> None:
    remembering = assistant(metadata={"memory": '{"type":"window","window_size":3}'})
    assert run_config(remembering, request()).memory == Memory(type="window", window_size=3)
    assert run_config(assistant(metadata={"memory": "64 GB"}), request()).memory is None


def test_a_runs_own_metadata_says_nothing_of_memory() -> None:
    config = run_config(assistant(), request(metadata={"memory": '{"type":"zero"}'}))
    assert config.memory is None


def test_model_parameters_are_kept_as_they_were_given() -> None:
    params = {"frequency_penalty": 0, "seed": 7, "extra": {"deep": [None, 0.1]}, "metadata": {}}
    assert run_config(assistant(), request(model_params=params)).model_params == params
    assert run_config(assistant(), request()).model_params == {}


def test_what_the_run_itself_gives_wins_over_model_parameters() -> None:
    params = {"temperature": 0.1, "top_p": 0.2, "metadata": {"of": "model"}}
    config = run_config(
        assistant(), request(model_params=params, temperature=0, metadata={"of": "run"})
    )
    assert config.temperature == 0
    assert config.model_params == {"top_p": 0.2, "metadata": {"of": "model"}}
    # The assistant's own value is farther from the model than the run's parameters.
    assert config.top_p == 0.8


@pytest.mark.parametrize(
    "name",
    ["model", "messages", "stream", "stream_options", "tools", "tool_choice", "n", "functions"],
)
def test_what_a_step_sets_itself_is_no_model_parameter(name: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        run_config(assistant(), request(model_params={"seed": 1, name: "SECRET"}))
    assert failure.value.param == f"model_params.{name}"
    assert failure.value.code == "unsupported_parameter"
    assert "SECRET" not in failure.value.message


@pytest.mark.parametrize(("size", "fits"), [(16_384, True), (16_385, False)])
def test_model_parameters_have_a_largest_size(size: int, fits: bool) -> None:
    params = {"k": "x" * (size - len('{"k": ""}'))}
    if fits:
        assert run_config(assistant(), request(model_params=params)).model_params == params
        return
    with pytest.raises(InvalidRequest) as failure:
        run_config(assistant(), request(model_params=params))
    assert failure.value.param == "model_params"
    assert "16,384 bytes" in failure.value.message
