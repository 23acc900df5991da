"""The ways of models: raw bytes of a provider in, and out comes what a run's clients see.

The model is the real adapter, the handler is the runner's own, and every run's events are followed
by the strictest client there is.
"""

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters.model import OpenAIModel
from adapters.secrets import SecretValue
from core.dispatch import step_job
from core.event_log import Batch
from core.records import RunPhase, RunRecord
from core.schema.runs import Usage
from core.step_records import unanswered_functions
from core.tool_phase import submit_outputs
from tests.support.chunks import called, delta, end, piece, said, sse, usage
from tests.support.http_service import Exchange, HttpService, Received, http_service
from tests.support.story import check_request, story_of
from tests.support.tools import ScriptedTool, offer_action
from tests.support.world import World, function_tool

MAX_STEPS = 2


@dataclass(frozen=True)
class Slow:
    """An answer of which the rest comes once clients have seen the beginning."""

    beginning: bytes
    rest: bytes = b""


Answer = bytes | Slow


@dataclass
class Stage:
    """A world whose model is a service that sends what a test says.

    Attributes:
        world: the world; the model may call the function `ask` and the action `look_up`.
        service: the model's endpoint.
        answers: what it sends next.
    """

    world: World
    service: HttpService
    answers: deque[Answer]
    tools: list[Any] = field(default_factory=list)

    def play(self, *answers: Answer, **config: Any) -> RunRecord:
        """Have a run go as far as these answers take it, and answer whatever it asks."""
        self.answers.extend(answers)
        world = self.world
        run = world.create_run(world.thread("Hi"), tools=self.tools, **config)
        while self.answers:
            self._move_on(run)
            run = world.get(run)
        for request in self.requests:
            check_request(request)
        return run

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What the model was asked."""
        return [json.loads(received.body) for received in self.service.received]

    def _move_on(self, run: RunRecord) -> None:
        world, run = self.world, self.world.get(run)
        if run.phase is RunPhase.TOOLS:
            world.execute_next()
        elif run.phase is RunPhase.CLIENT:
            assert run.open_step is not None
            step = world.runner.runs.step(run, run.open_step)
            assert step is not None
            outputs = {call.id: "told" for call in unanswered_functions(step)}
            change = submit_outputs(run, step, outputs, now=world.clock() // 1000)
            world.queues.send_step(step_job(world.runner.writer.apply(change)))
        else:
            assert not run.ended, "the model is not asked as often as it answers"
            world.queues.steps.clear()
            world.clock.advance(1)
            world.deliver(step_job(run), deliveries=run.attempts + 1)


@pytest.fixture(scope="module")
def theatre(shared_world: World) -> Iterator[Stage]:
    """A stage for all tests: connections to a model are slow to make."""
    answers: deque[Answer] = deque()
    seen = threading.Event()
    publish = shared_world.pusher.publish

    def see(tenant: str, thread_id: str, run_id: str, batch: Batch) -> None:
        publish(tenant, thread_id, run_id, batch)
        if any(event.name.endswith(".delta") for event in batch.events):
            seen.set()

    def behave(exchange: Exchange, _: Received) -> None:
        answer = answers.popleft()
        if isinstance(answer, bytes):
            exchange.answer(200, answer, content_type="text/event-stream")
            return
        seen.clear()
        exchange.send_response(200)
        exchange.end_headers()
        exchange.wfile.write(answer.beginning)
        seen.wait(10)
        exchange.wfile.write(answer.rest)

    shared_world.pusher.publish = see  # type: ignore[method-assign]

    with http_service(behave) as service:
        base_url = f"http://127.0.0.1:{service.port}/v1"
        shared_world.runner = replace(
            shared_world.runner,
            model=OpenAIModel(base_url, SecretValue(lambda: "key"), 5),
            settings=shared_world.runner.settings.model_copy(update={"max_steps": MAX_STEPS}),
        )
        yield Stage(shared_world, service, answers)


@pytest.fixture
def stage(theatre: Stage) -> Stage:
    """A world whose model sends what a test says, and must answer in words after some calls."""
    theatre.world.clear()
    theatre.answers.clear()
    theatre.service.received.clear()
    action = offer_action(theatre.world, "look_up", ScriptedTool())
    theatre.tools = [function_tool("ask"), action]
    return theatre


DONE = sse(said("Done."), end())
HELLO = ["message: Hello"]
ASKED = ["calls: function ask({}) = told", "message: Done."]
ASKED_TWICE = [
    'calls: function ask({"n":1}) = told; function ask({"n":2}) = told',
    "message: Done.",
]
LOOKED_UP = ["calls: action look_up({}) = echo {}", "message: Done."]
ASK = piece(0, "c1", "ask", "{}")
ROLE = delta({"role": "assistant", "content": None})


# ---- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "story"),
    [
        pytest.param([ROLE, said("Hel"), said("lo"), end()], HELLO, id="in pieces"),
        pytest.param([delta({"content": "Hello"}, finish_reason="stop")], HELLO, id="all at once"),
        pytest.param(
            [delta(None), said("Hello"), delta(None, finish_reason="stop")], HELLO, id="null delta"
        ),
        pytest.param(
            [{"choices": []}, {"choices": [{}]}, {"choices": None}, {}, said("Hello"), end()],
            HELLO,
            id="no delta",
        ),
        pytest.param(
            [
                delta({"reasoning_content": "Hm.", "content": None}),
                delta({"reasoning": "Hm.", "x": [1]}, logprobs=None, stop_reason=None),
                said("Hello") | {"service_tier": "x", "obfuscation": "Zx"},
                end(),
            ],
            HELLO,
            id="thoughts and unknown fields",
        ),
        pytest.param(
            [
                delta({"content": [{"type": "thinking", "thinking": []}]}),
                delta({"content": [{"type": "text", "text": "Hello"}]}),
                end(),
            ],
            HELLO,
            id="words in a list",
        ),
        pytest.param(
            [said("Köln \u2028\x85😀"), end()], ["message: Köln \u2028\x85😀"], id="other scripts"
        ),
        pytest.param([end()], ["message: "], id="nothing"),
        pytest.param(
            [delta({"refusal": "I "}), delta({"refusal": "cannot."}), end()],
            ["message: (I cannot.)"],
            id="a refusal",
        ),
        pytest.param(
            [said("Well. "), delta({"refusal": "No."}), end()],
            ["message: Well.  / (No.)"],
            id="words and a refusal",
        ),
    ],
)
def test_words_become_a_message(stage: Stage, chunks: list[Any], story: list[str]) -> None:
    run = stage.play(sse(*chunks))
    assert (story_of(stage.world, run), run.status) == (story, "completed")


# ---- the end of an answer -----------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["eos", "function_call", None])
def test_words_end_a_run_whatever_the_reason(stage: Stage, reason: str | None) -> None:
    run = stage.play(sse(said("Hello"), end(reason)))
    assert (story_of(stage.world, run), run.status) == (HELLO, "completed")


@pytest.mark.parametrize(
    ("reason", "line", "told"),
    [
        ("length", "message [max_tokens]: Hel", "max_completion_tokens"),
        ("content_filter", "message [content_filter]: Hel", None),
        ("SAFETY", "message [content_filter]: Hel", None),
    ],
)
def test_an_answer_that_was_cut_short_leaves_the_run_incomplete(
    stage: Stage, reason: str, line: str, told: str | None
) -> None:
    run = stage.play(sse(said("Hel"), end(reason), {"choices": [], **usage(9, 3)}))
    assert (story_of(stage.world, run), run.status) == ([line], "incomplete")
    assert run.incomplete_details is not None
    assert run.incomplete_details.reason == told
    assert run.usage.total_tokens == 12


def test_calls_that_were_cut_short_are_not_made(stage: Stage) -> None:
    run = stage.play(sse(called(piece(0, "c1", "look_up", '{"half')), end("length")))
    assert story_of(stage.world, run) == ['calls: action look_up({"half)']
    assert run.status == "incomplete"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"", id="ends in the middle"),
        pytest.param(sse({"error": {"message": "Oops", "code": 502}}), id="an error"),
        pytest.param(sse(end("error")), id="given up"),
        pytest.param(b'data: {"cho', id="a cut chunk"),
    ],
)
@pytest.mark.fault("model-reset-within", "model-malformed")
def test_an_answer_that_broke_off_is_begun_anew_in_the_open(stage: Stage, broken: bytes) -> None:
    beginning = sse(said("Hel"), done=False)
    run = stage.play(Slow(beginning, broken), sse(said("Hello"), end()))
    assert story_of(stage.world, run) == ["message [run_failed, failed]: Hel", "message: Hello"]
    assert run.status == "completed"


@pytest.mark.fault("model-malformed")
def test_calls_that_broke_off_are_not_made(stage: Stage) -> None:
    run = stage.play(Slow(sse(called(piece(0, "c1", "ask", '{"a')), done=False)), DONE)
    assert run.status == "completed"
    # How far the calls had come is known to who followed them alone.
    assert story_of(stage.world, run) == ["calls [failed]: ", "message: Done."]


# ---- usage --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "counted"),
    [
        pytest.param([said("Hello"), end(), {"choices": [], **usage(9, 3)}], 12, id="at the end"),
        pytest.param([said("Hello"), end(**usage(9, 3))], 12, id="with the reason"),
        pytest.param([said("Hel"), said("lo") | usage(9, 3), end()], 12, id="with words"),
        pytest.param(
            [said("Hel") | usage(9, 1), said("lo") | usage(9, 2), end(**usage(9, 3))],
            12,
            id="with every chunk",
        ),
        pytest.param(
            [
                said("Hello") | {"usage": None},
                end(usage=None),
                {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
            ],
            12,
            id="without a total",
        ),
        pytest.param([said("Hello"), end()], 0, id="not at all"),
    ],
)
def test_tokens_are_counted_once_however_they_are_told(
    stage: Stage, chunks: list[Any], counted: int
) -> None:
    run = stage.play(sse(*chunks))
    assert (story_of(stage.world, run), run.usage.total_tokens) == (HELLO, counted)


def test_usage_adds_up_over_the_steps(stage: Stage) -> None:
    run = stage.play(
        sse(said("I ask.") | usage(10, 1), called(ASK), end(**usage(10, 4))),
        sse(said("Done.") | usage(20, 1), end(**usage(20, 2))),
    )
    assert run.usage == Usage(prompt_tokens=30, completion_tokens=6, total_tokens=36)
    assert run.to_wire().usage == run.usage


# ---- calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "story"),
    [
        pytest.param(
            [
                called(piece(0, "c1", "ask", "")),
                called(piece(0, None, None, "{")),
                called(piece(0, None, None, "}")),
                end("tool_calls"),
            ],
            ASKED,
            id="as OpenAI sends them",
        ),
        pytest.param([called(ASK), end("tool_calls")], ASKED, id="whole"),
        pytest.param([called(ASK), end("stop")], ASKED, id="stopped"),
        pytest.param([called(ASK), end(None)], ASKED, id="no reason"),
        pytest.param([called(ASK)], ASKED, id="no end but [DONE]"),
        pytest.param([called(piece(None, "c1", "ask", "{}")), end()], ASKED, id="no index"),
        pytest.param([called(piece(0, None, "ask", "{}")), end()], ASKED, id="no id"),
        pytest.param([called(piece(0, "", "ask", "{}")), end()], ASKED, id="an empty id"),
        pytest.param([called(piece(None, None, "ask", {})), end()], ASKED, id="an object"),
        pytest.param(
            [called(piece(0, "c1", "look_up")), end("tool_calls")],
            ["calls: action look_up() = echo {}", "message: Done."],
            id="no arguments",
        ),
        pytest.param(
            [
                called(piece(0, "c1", "", "")),
                called(piece(0, None, "ask", None)),
                called(piece(0, None, "", "{}")),
                end(),
            ],
            ASKED,
            id="empty names",
        ),
        pytest.param(
            [called(piece(0, "c1", None, "{")), called(piece(0, None, "ask", "}")), end()],
            ASKED,
            id="arguments before the name",
        ),
        pytest.param(
            [
                called(piece(0, "c1", "ask", '{"n":1}'), piece(1, "c2", "ask", '{"n":2}')),
                end("tool_calls"),
            ],
            ASKED_TWICE,
            id="two at once",
        ),
        pytest.param(
            [
                called(piece(0, "c", "ask", '{"n":1}')),
                called(piece(0, "c", "ask", '{"n":2}')),
                end("tool_calls"),
            ],
            ASKED_TWICE,
            id="the same index and id",
        ),
        pytest.param(
            [
                called(piece(None, None, "ask", '{"n":1}')),
                called(piece(None, None, "ask", '{"n":2}')),
                end("tool_calls"),
            ],
            ASKED_TWICE,
            id="neither index nor id",
        ),
        pytest.param(
            [
                delta({"function_call": {"name": "ask", "arguments": ""}}),
                delta({"function_call": {"arguments": "{"}}),
                delta({"function_call": {"arguments": "}"}}),
                end("function_call"),
            ],
            ASKED,
            id="the old function_call",
        ),
        pytest.param(
            [said("I "), called(ASK, content="ask."), end("tool_calls")],
            ["message: I ask.", *ASKED],
            id="words and a call in one chunk",
        ),
        pytest.param(
            [
                said("Let me see."),
                called(piece(0, "c1", "look_up", "{}")),
                called(piece(1, "c2", "ask", "{}")),
                end("tool_calls"),
            ],
            [
                "message: Let me see.",
                "calls: action look_up({}) = echo {}; function ask({}) = told",
                "message: Done.",
            ],
            id="both kinds after words",
        ),
        pytest.param(
            [delta({"tool_calls": [None, ASK]}), delta({"tool_calls": None}), end()],
            ASKED,
            id="null calls",
        ),
    ],
)
def test_calls_are_made_however_they_are_cut(
    stage: Stage, chunks: list[Any], story: list[str]
) -> None:
    run = stage.play(sse(*chunks), DONE)
    assert (story_of(stage.world, run), run.status) == (story, "completed")


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        (("nobody", "{}"), "calls: function nobody({}) = There is no tool 'nobody'."),
        (("", "{}"), "calls: function ({}) = There is no tool ''."),
        (("file.read now", "{"), "calls: function file.read now({) = There is no tool"),
        (("look_up", "{half"), "calls: action look_up({half) = The arguments are not valid JSON."),
        (("look_up", "[1]"), "calls: action look_up([1]) = The arguments must be a JSON object."),
    ],
)
def test_a_call_that_cannot_be_made_is_told_to_the_model_which_goes_on(
    stage: Stage, bad: tuple[str, str], line: str
) -> None:
    good = called(piece(0, "c2", "look_up", "{}"))
    run = stage.play(sse(called(piece(0, "c1", *bad)), end()), sse(good, end()), DONE)
    first, *rest = story_of(stage.world, run)
    assert first.replace('{"error": "', "").startswith(line)
    assert rest == LOOKED_UP
    result = stage.requests[1]["messages"][-1]
    assert (result["role"], list(json.loads(result["content"]))) == ("tool", ["error"])


def test_broken_arguments_of_a_function_are_the_clients_and_the_model_still_hears_of_it(
    stage: Stage,
) -> None:
    run = stage.play(sse(called(piece(0, "c1", "ask", '{"city": "Rom')), end()), DONE)
    assert story_of(stage.world, run) == [
        'calls: function ask({"city": "Rom) = told',
        "message: Done.",
    ]


# ---- how often ----------------------------------------------------------------------------------


def test_the_last_step_must_end_in_words(stage: Stage) -> None:
    # What is said before a call is no step of its own.
    call = sse(said("Once more."), called(piece(0, "c1", "look_up", "{}")), end())
    run = stage.play(*[call] * MAX_STEPS, DONE, tool_choice="required")
    assert run.status == "completed"
    assert story_of(stage.world, run) == [
        *["message: Once more.", LOOKED_UP[0]] * MAX_STEPS,
        "message: Done.",
    ]
    choices = [request["tool_choice"] for request in stage.requests]
    assert choices == ["required", "auto", "none"]
    assert all(len(request["tools"]) == 2 for request in stage.requests)


def test_a_model_that_calls_in_the_step_that_must_end_in_words_fails_the_run(stage: Stage) -> None:
    call = sse(called(piece(0, "c1", "look_up", "{}")), end())
    run = stage.play(*[call] * (MAX_STEPS + 1))
    assert run.status == "failed"
    assert run.last_error is not None
    assert "had to end the run in words" in run.last_error.message
    assert story_of(stage.world, run)[-1].startswith("calls [failed]")
