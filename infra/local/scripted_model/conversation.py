"""Questions about the messages of a request: what was said last, and what came after it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.local.scripted_model.chat_request import Message
from infra.local.scripted_model.errors import ApiError


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call, with the name of the tool that was called."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """The last user message and what followed it.

    Attributes:
        text: The last user message's text; empty if there is no user message.
        model_calls: How many assistant messages follow it, which is how often the model has
            answered it already.
        results: The results of the tools that were called since.
    """

    text: str
    model_calls: int
    results: tuple[ToolResult, ...]


def read_exchange(messages: Sequence[Message]) -> Exchange:
    """Find the last user message and what followed it."""
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    text = messages[users[-1]].text if users else ""
    later = messages[users[-1] + 1 :] if users else messages
    model_calls = sum(message.role == "assistant" for message in later)
    return Exchange(text, model_calls, tuple(_results(later)))


def _results(messages: Sequence[Message]) -> Iterator[ToolResult]:
    names: dict[str, str] = {}
    for message in messages:
        names |= {call.id: call.function.name for call in message.tool_calls or ()}
        if message.role == "tool":
            yield ToolResult(names.get(message.tool_call_id or "", "a tool"), message.text)


def check_order(messages: Sequence[Message]) -> None:
    """Refuse a conversation whose tool calls and results do not match, as OpenAI does.

    Every call of an assistant message must be answered by exactly one `tool` message, before
    anything else follows.

    Raises:
        ApiError: With status 400 and OpenAI's wording.
    """
    open_calls: list[str] = []
    for place, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                raise _misplaced_result(place)
            open_calls.remove(message.tool_call_id)
            continue
        if open_calls:
            raise _missing_results(open_calls, place)
        open_calls = [call.id for call in message.tool_calls or ()]
    if open_calls:
        raise _missing_results(open_calls, len(messages))


def _misplaced_result(place: int) -> ApiError:
    message = (
        "Invalid parameter: messages with role 'tool' must be a response to a preceding message "
        "with 'tool_calls'."
    )
    return ApiError(400, message, param=f"messages.[{place}].role")


def _missing_results(call_ids: Sequence[str], place: int) -> ApiError:
    message = (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(call_ids)
    )
    return ApiError(400, message, param=f"messages.[{place}].role")
