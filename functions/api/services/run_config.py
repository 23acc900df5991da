"""What a run is to do: the assistant's values, replaced where the run gives its own."""

from typing import Any, Final, TypeVar

from api.services.model_params import check_model_params
from api.validation import missing_parameter
from core.memory import memory_of
from core.schema.assistants import AssistantRecord
from core.schema.runs import CreateRun, CreateThreadAndRun, RunConfig, TruncationStrategy

T = TypeVar("T")

# Parameters of a run that its model gets under the same name.
_SHARED: Final = (
    "max_completion_tokens",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "temperature",
    "top_p",
)


def run_config(assistant: AssistantRecord, request: CreateRun | CreateThreadAndRun) -> RunConfig:
    """Return the configuration of a new run.

    A value counts as given if it is there and not null: 0, "" and [] replace the assistant's.

    Raises:
        InvalidRequest: the truncation strategy does not say how many messages it keeps, or
            `model_params` names what a run sets itself.
    """
    wire = assistant.wire
    instructions = _given(request.instructions, wire.instructions or "")
    additional = request.additional_instructions if isinstance(request, CreateRun) else None
    return RunConfig(
        assistant_id=wire.id,
        model=_given(request.model, wire.model),
        instructions=_appended(instructions, additional),
        tools=_given(request.tools, wire.tools),
        metadata=request.metadata or {},
        temperature=_given(request.temperature, wire.temperature),
        top_p=_given(request.top_p, wire.top_p),
        max_prompt_tokens=request.max_prompt_tokens,
        max_completion_tokens=request.max_completion_tokens,
        truncation_strategy=_truncation(request.truncation_strategy),
        tool_choice=_given(request.tool_choice, "auto"),
        parallel_tool_calls=_given(request.parallel_tool_calls, True),
        response_format=_given(request.response_format, wire.response_format or "auto"),
        reasoning_effort=_given(request.reasoning_effort, assistant.reasoning_effort),
        memory=memory_of(wire.metadata),
        model_params=_model_params(request),
    )


def _given(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def _appended(instructions: str, additional: str | None) -> str:
    if not additional:
        return instructions
    return f"{instructions}\n\n{additional}" if instructions else additional


def _truncation(strategy: TruncationStrategy | None) -> TruncationStrategy:
    if strategy is None:
        return TruncationStrategy(type="auto")
    if strategy.type == "last_messages" and strategy.last_messages is None:
        raise missing_parameter("truncation_strategy.last_messages")
    return strategy


def _model_params(request: CreateRun | CreateThreadAndRun) -> dict[str, Any]:
    """Return the model's further parameters: they replace the assistant's values, not the run's."""
    params = request.extras.model_params or {}
    check_model_params(params)
    return {
        name: value
        for name, value in params.items()
        if name not in _SHARED or getattr(request, name) is None
    }
