"""What users do: each of these is played with a fault at every place."""

from typing import Any, Final

from core.model import ModelChunk
from core.schema.runs import CreateRun
from core.schema.tools import FunctionTool, Tool
from tests.integration.faults.play import Expected, Play, Scenario
from tests.support.model import call, stop, text
from tests.support.stage import ASSISTANT, QUESTION
from tests.support.steady_model import Aside
from tests.support.world import function_tool

_ASK: Final = function_tool("ask_user")


def _request(play: Play, *tools: FunctionTool, actions: bool = False, **fields: Any) -> CreateRun:
    given: list[Tool] = [*tools, *([play.stage.action] if actions else [])]
    return CreateRun(assistant_id=ASSISTANT, tools=given, **fields)


def _calls(*called: tuple[str, str]) -> list[ModelChunk]:
    """Return a turn that calls tools: names and arguments; the ids are call_0, call_1, …"""
    chunks = [
        chunk
        for index, (name, arguments) in enumerate(called)
        for chunk in call(name, arguments, f"call_{index}", index)
    ]
    return [*chunks, *stop("tool_calls")]


def _begin_line(play: Play) -> None:
    """Create a run, and another that waits for it."""
    second = {"role": "user", "content": "And then?"}
    waits = _request(play, additional_messages=[second], multitask_strategy="enqueue")
    play.create(_request(play), lambda: play.create(waits))


ANSWER: Final = Scenario(
    "a plain answer",
    turns=lambda _: {QUESTION: [[*text("Hel", "lo."), *stop()]]},
    begin=lambda play: play.create(_request(play)),
    expected=(Expected("completed", ("Hello.",), ("message_creation",)),),
)
FUNCTION: Final = Scenario(
    "a call that the client answers",
    turns=lambda _: {QUESTION: [_calls(("ask_user", "{}")), [*text("Thanks."), *stop()]]},
    begin=lambda play: play.create(_request(play, _ASK)),
    expected=(
        Expected("completed", ("Thanks.",), ("tool_calls", "message_creation"), {"call_0": "yes"}),
    ),
)
WORDS: Final = Scenario(
    "words, and then a call",
    turns=lambda _: {
        QUESTION: [[*text("Hm."), *_calls(("ask_user", "{}"))], [*text("Thanks."), *stop()]]
    },
    begin=lambda play: play.create(_request(play, _ASK)),
    expected=(
        Expected(
            "completed",
            ("Hm.", "Thanks."),
            ("message_creation", "tool_calls", "message_creation"),
            {"call_0": "yes"},
            repeatable=("Hm.",),
        ),
    ),
)
ACTIONS: Final = Scenario(
    "calls that the tool worker carries out side by side",
    turns=lambda _: {
        QUESTION: [
            _calls(("look_up", '{"n":0}'), ("look_up", '{"n":1}')),
            [*text("Found."), *stop()],
        ]
    },
    begin=lambda play: play.create(_request(play, actions=True)),
    expected=(
        Expected(
            "completed",
            ("Found.",),
            ("tool_calls", "message_creation"),
            {"call_0": 'echo {"n":0}', "call_1": 'echo {"n":1}'},
        ),
    ),
    acts=('{"n":0}', '{"n":1}'),
)
BOTH: Final = Scenario(
    "a call for the tool worker and one for the client in one step",
    turns=lambda _: {
        QUESTION: [_calls(("ask_user", "{}"), ("look_up", "{}")), [*text("Thanks."), *stop()]]
    },
    begin=lambda play: play.create(_request(play, _ASK, actions=True)),
    expected=(
        Expected(
            "completed",
            ("Thanks.",),
            ("tool_calls", "message_creation"),
            {"call_0": "yes", "call_1": "echo {}"},
        ),
    ),
    acts=("{}",),
)
REFUSED: Final = Scenario(
    "calls of tools that do not exist",
    turns=lambda _: {QUESTION: [_calls(("imagined", "{}")), [*text("Pardon."), *stop()]]},
    begin=lambda play: play.create(_request(play)),
    expected=(Expected("completed", ("Pardon.",), ("tool_calls", "message_creation")),),
)
CANCEL: Final = Scenario(
    "a cancel in the middle of an answer",
    turns=lambda play: {
        QUESTION: [[*text("One "), Aside(happen=play.cancel), *text("two."), *stop()]]
    },
    begin=lambda play: play.create(_request(play)),
    expected=(Expected("cancelled", (), ()),),
    seconds=10,
)
LINE: Final = Scenario(
    "a run that waits for another",
    turns=lambda _: {
        QUESTION: [[*text("Hello."), *stop()]],
        "And then?": [[*text("Nothing."), *stop()]],
    },
    begin=_begin_line,
    expected=(
        Expected("completed", ("Hello.",), ("message_creation",)),
        Expected("completed", ("Nothing.",), ("message_creation",)),
    ),
)
TWICE: Final = Scenario(
    "messages that are all delivered twice",
    FUNCTION.turns,
    FUNCTION.begin,
    FUNCTION.expected,
    copies=2,
)
STRANDED: Final = Scenario(
    "messages that are lost, so that only checks move the run",
    ACTIONS.turns,
    ACTIONS.begin,
    ACTIONS.expected,
    ACTIONS.acts,
    seconds=70,
    lost=True,
)
