"""A run's own values replace its assistant's, where they are given."""

from typing import Any

import pytest

from api.services.run_config import run_config
from core.errors import InvalidRequest
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
