"""What the model is told: instructions, the thread's messages, and this run's earlier steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.message_turns import ToldFile, message_turn
from core.model import ModelRequest
from core.records import RunRecord
from core.schema.actions import Action
from core.schema.formats import JsonSchemaFormat
from core.schema.messages import Message
from core.schema.runs import RunConfig
from core.schema.steps import RunStep
from core.schema.tools import FunctionTool, NamedToolChoice, ToolTypeChoice, WebSearchTool
from core.step_turns import step_turns
from core.tokens import request_tokens
from core.web_search import WEB_SEARCH_INSTRUCTIONS, web_search_function


def fixed_tokens(
    run: RunRecord,
    steps: Sequence[RunStep],
    own_messages: Mapping[str, Message],
    actions: Mapping[str, Action],
) -> int:
    """Return the tokens of a step's prompt that no truncation saves: all but the thread's messages.

    These are the instructions, the tools, the format of the answer, and the run's earlier steps.
    """
    request = build_request(run, (), steps, own_messages, actions, {}, calls_allowed=True)
    response_format = request.parameters.get("response_format")
    return request_tokens(request.messages, request.tools, response_format)


def has_images(request: ModelRequest) -> bool:
    """Tell whether a request shows the model images, by their URLs or as `data:` URLs."""
    return any(
        part["type"] == "image_url"
        for turn in request.messages
        if isinstance(turn["content"], list)
        for part in turn["content"]
    )


def build_request(
    run: RunRecord,
    messages: Sequence[Message],
    steps: Sequence[RunStep],
    own_messages: Mapping[str, Message],
    actions: Mapping[str, Action],
    files: Mapping[str, ToldFile],
    *,
    calls_allowed: bool,
) -> ModelRequest:
    """Return the request of a run's next model turn.

    Args:
        run: what was asked for.
        messages: the thread's messages, oldest first.
        steps: the run's earlier steps, oldest first; only completed ones are told.
        own_messages: the messages that those steps wrote, by id.
        actions: the run's actions, by id.
        files: the files that the messages name, by id; those that are missing were deleted.
        calls_allowed: False in the step that must end in words.
    """
    told: list[dict[str, Any]] = []
    instructions = _instructions(run.config)
    if instructions:
        told.append({"role": "system", "content": instructions})
    told += [turn for message in messages if (turn := message_turn(message, files))]
    told += step_turns(steps, own_messages, run.late_steps)
    if not told:
        # An empty thread and no instructions: endpoints want one turn at least.
        told.append({"role": "user", "content": ""})
    tools = _tools(run.config, actions)
    return ModelRequest(
        model=run.config.model,
        messages=told,
        tools=tools,
        parameters=_parameters(run, bool(tools), calls_allowed),
    )


def _instructions(config: RunConfig) -> str:
    """Return the run's instructions, and after them what its tools ask of the answer."""
    added = [WEB_SEARCH_INSTRUCTIONS for tool in config.tools if isinstance(tool, WebSearchTool)]
    return "\n\n".join(filter(None, [config.instructions, *dict.fromkeys(added)]))


def _tools(config: RunConfig, actions: Mapping[str, Action]) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = []
    for tool in config.tools:
        if isinstance(tool, FunctionTool):
            tools.append(tool.model_dump(mode="json", exclude_none=True))
        elif isinstance(tool, WebSearchTool):
            tools.append({"type": "function", "function": web_search_function()})
        elif tool.id in actions:
            tools.append({"type": "function", "function": _action_function(actions[tool.id])})
    return tools


def _action_function(action: Action) -> dict[str, Any]:
    return {
        "name": action.name,
        "description": action.description,
        "parameters": action.parameters,
    }


def _parameters(run: RunRecord, has_tools: bool, calls_allowed: bool) -> dict[str, Any]:
    config = run.config
    given: dict[str, Any] = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        "reasoning_effort": config.reasoning_effort,
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    if config.response_format != "auto":
        formatted = config.response_format
        parameters["response_format"] = formatted.model_dump(
            mode="json", by_alias=True, exclude_none=isinstance(formatted, JsonSchemaFormat)
        )
    left = run.completion_tokens_left
    if left is not None:
        parameters["max_completion_tokens"] = left
    if has_tools:
        parameters["tool_choice"] = _tool_choice(run, calls_allowed)
        if not config.parallel_tool_calls:
            parameters["parallel_tool_calls"] = False
    # What the run itself gave is not in there any more: the rest is nearer to the model.
    return parameters | config.model_params


def _tool_choice(run: RunRecord, calls_allowed: bool) -> Any:
    choice = run.config.tool_choice
    if not calls_allowed or choice == "none":
        return "none"
    if run.step_no > 0:
        # A forced call was made in the first step; forcing it again would never end.
        return "auto"
    if isinstance(choice, NamedToolChoice | ToolTypeChoice):
        return {"type": "function", "function": {"name": choice.function_name}}
    return choice
