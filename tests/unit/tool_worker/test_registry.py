"""A call always has an output, whatever becomes of the tool."""

import io
import json

import pytest

from tool_worker.registry import ToolCallInput, ToolError, ToolOutput, ToolRegistry, parse_arguments
from wiring import telemetry


def call(arguments: str = "{}") -> ToolCallInput:
    return ToolCallInput(
        name="f", arguments=arguments, configuration="{}", timeout_seconds=5, idempotency_key="k"
    )


class Scripted:
    """A tool that answers with one thing, or raises it."""

    def __init__(self, answer: ToolOutput | BaseException) -> None:
        self.answer = answer
        self.calls: list[ToolCallInput] = []

    def run(self, call: ToolCallInput) -> ToolOutput:
        self.calls.append(call)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def error_of(output: ToolOutput) -> str:
    assert output.failed
    parsed = json.loads(output.output)
    assert list(parsed) == ["error"]
    assert isinstance(parsed["error"], str)
    return parsed["error"]


def test_a_call_goes_to_the_tool_of_its_type() -> None:
    one, other = Scripted(ToolOutput("one")), Scripted(ToolOutput("other", failed=True))
    registry = ToolRegistry({"one": one, "other": other})
    assert registry.run("one", call()) == ToolOutput("one", failed=False)
    assert registry.run("other", call()) == ToolOutput("other", failed=True)
    assert (one.calls, other.calls) == ([call()], [call()])


def test_an_unknown_type_is_an_error_for_the_model() -> None:
    assert error_of(ToolRegistry({}).run("magic", call())) == (
        "There is no tool of the type 'magic'."
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "{",
        "nonsense",
        '{"a": NaN}',
        '{"a": -Infinity}',
        "[" * 100_000,
        '{"a": ' + "9" * 5_000 + "}",
    ],
)
def test_broken_arguments_do_not_reach_the_tool(arguments: str) -> None:
    tool = Scripted(ToolOutput("never"))
    output = ToolRegistry({"t": tool}).run("t", call(arguments))
    assert error_of(output) == "The arguments are not valid JSON."
    assert tool.calls == []


@pytest.mark.parametrize("arguments", ["[]", "7", '"text"', "null", "true"])
def test_arguments_that_are_no_object_do_not_reach_the_tool(arguments: str) -> None:
    tool = Scripted(ToolOutput("never"))
    output = ToolRegistry({"t": tool}).run("t", call(arguments))
    assert error_of(output) == "The arguments must be a JSON object."
    assert tool.calls == []


@pytest.mark.parametrize("arguments", ["", "  \n", "{}"])
def test_no_arguments_may_be_written_as_nothing(arguments: str) -> None:
    assert parse_arguments(arguments) == {}


def test_what_a_tool_says_about_its_failure_reaches_the_model() -> None:
    registry = ToolRegistry({"t": Scripted(ToolError("Größer, please."))})
    assert error_of(registry.run("t", call())) == "Größer, please."


@pytest.mark.parametrize("error", [RuntimeError("hush"), KeyError("hush"), RecursionError("hush")])
def test_an_unexpected_failure_is_an_output_and_keeps_its_text_to_itself(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    for handler in telemetry.logger.handlers:
        monkeypatch.setattr(handler, "stream", log)
    output = ToolRegistry({"t": Scripted(error)}).run("t", call('{"a": "hush"}'))
    assert error_of(output) == "The tool failed. It may or may not have acted."
    assert type(error).__name__ in log.getvalue()
    assert "hush" not in log.getvalue()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_what_ends_the_process_is_not_held_up(error: BaseException) -> None:
    with pytest.raises(type(error)):
        ToolRegistry({"t": Scripted(error)}).run("t", call())


def test_calls_and_outputs_show_no_content_as_text() -> None:
    assert "hush" not in repr(call('{"a": "hush"}'))
    assert "hush" not in repr(ToolOutput("hush"))
