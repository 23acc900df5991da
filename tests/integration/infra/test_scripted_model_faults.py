"""What goes wrong on purpose: failures, delays, stalls, cuts, odd streams. All through the SDK."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, get_args

import openai
import pytest
from openai import OpenAI

from infra.local.scripted_model import RequestRecord, ScriptedModelServer
from infra.local.scripted_model.script import FragmentStyle

CALLS = [
    {"name": "first", "id": "call_a", "arguments": {"city": "Oslo"}},
    {"name": "second", "id": "call_b", "arguments": {"text": "a longer argument"}},
]


@pytest.fixture(scope="module")
def running() -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer(tokens_per_second=1_000) as started:
        yield started


@pytest.fixture
def server(running: ScriptedModelServer) -> ScriptedModelServer:
    running.clear()
    return running


@pytest.fixture(scope="module")
def client(running: ScriptedModelServer) -> Iterator[OpenAI]:
    http_client = openai.DefaultHttpxClient(trust_env=False)
    with OpenAI(
        base_url=running.base_url, api_key="any", max_retries=0, timeout=20, http_client=http_client
    ) as opened:
        yield opened


def begin(client: OpenAI, turn: dict[str, Any], **options: Any) -> Any:
    """Ask for a turn; the answer is a stream unless `stream=False` is given."""
    message = {"role": "user", "content": "@script " + json.dumps({"turns": [turn]})}
    create: Any = client.chat.completions.create
    return create(**{"model": "m", "messages": [message], "stream": True, **options})


def read_until_error(chunks: Any, expected: type[Exception] | tuple[type[Exception], ...]) -> str:
    """Read a stream that breaks; return what came before."""
    read: list[str] = []
    with chunks, pytest.raises(expected):
        for chunk in chunks:
            read.append(chunk.choices[0].delta.content or "")
    return "".join(read)


def read_text(chunks: Any) -> str:
    with chunks:
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def await_outcome(server: ScriptedModelServer, outcome: str) -> RequestRecord:
    """Wait until the last request has ended, as the server sees it."""
    deadline = time.monotonic() + 10
    while server.requests[-1].outcome == "in_progress" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.requests[-1].outcome == outcome
    return server.requests[-1]


def token_times(record: RequestRecord) -> list[float]:
    return record.chunk_times[1 : record.tokens + 1]


@pytest.mark.parametrize(
    ("fail", "error", "code", "kind"),
    [
        ({"status": 400}, openai.BadRequestError, None, "invalid_request_error"),
        ({"status": 401}, openai.AuthenticationError, None, "invalid_request_error"),
        ({"status": 429}, openai.RateLimitError, "rate_limit_exceeded", "requests"),
        (
            {"status": 429, "code": "insufficient_quota"},
            openai.RateLimitError,
            "insufficient_quota",
            "insufficient_quota",
        ),
        (
            {"status": 503, "code": "overloaded"},
            openai.APIStatusError,
            "overloaded",
            "server_error",
        ),
    ],
)
def test_a_failure_has_openais_shape(
    server: ScriptedModelServer,
    client: OpenAI,
    fail: dict[str, Any],
    error: type[openai.APIStatusError],
    code: str | None,
    kind: str,
) -> None:
    with pytest.raises(error) as caught:
        begin(client, {"fail": {**fail, "message": "As you wish.", "retry_after": 0.25}})

    assert caught.value.status_code == fail["status"]
    assert (caught.value.code, caught.value.type) == (code, kind)
    assert caught.value.body == {
        "message": "As you wish.",
        "type": kind,
        "param": None,
        "code": code,
    }
    assert caught.value.response.headers["retry-after"] == "0.25"
    assert await_outcome(server, "refused").status == fail["status"]


def test_a_failure_that_passes_is_overcome_by_retrying_after_the_time_it_gives(
    server: ScriptedModelServer, client: OpenAI
) -> None:
    turn = {"fail": {"status": 429, "retry_after": 1, "times": 1}, "text": "At last"}

    assert read_text(begin(client.with_options(max_retries=2), turn)) == "At last"

    first, second = server.requests
    assert (first.status, second.status) == (429, 200)
    assert second.received_at - first.received_at >= 1


def test_a_delay_comes_before_the_headers_and_another_after_them(client: OpenAI) -> None:
    begun = time.monotonic()
    chunks = begin(client, {"text": "Hi", "delay": 0.5, "first_token_delay": 0.4})
    headers = time.monotonic()
    next(chunks)
    role = time.monotonic()
    next(chunks)
    token = time.monotonic()
    chunks.close()

    assert headers - begun >= 0.5
    assert role - headers < 0.3
    assert token - headers >= 0.35


def test_a_failure_may_be_delayed(client: OpenAI) -> None:
    begun = time.monotonic()
    with pytest.raises(openai.InternalServerError):
        begin(client, {"fail": {"status": 500}, "delay": 0.4})

    assert time.monotonic() - begun >= 0.4


def test_a_fast_stream_keeps_the_pace_of_the_script_to_its_end(
    server: ScriptedModelServer, client: OpenAI
) -> None:
    rate = 500
    read_text(begin(client, {"text": {"tokens": 1_001}, "rate": rate}))

    times = token_times(await_outcome(server, "completed"))
    starts = [at - number / rate for number, at in enumerate(times)]
    # Pauses between tokens, instead of a clock for all of them, would add up to half a second.
    assert abs(min(starts[-50:]) - min(starts[:50])) < 0.1


def test_a_whole_answer_takes_as_long_as_its_stream(client: OpenAI) -> None:
    begun = time.monotonic()
    begin(client, {"text": {"tokens": 11}, "rate": 20, "delay": 0.2}, stream=False)

    assert 0.7 <= time.monotonic() - begun < 1.5


def test_a_stall_is_a_silence_after_which_all_goes_on(
    server: ScriptedModelServer, client: OpenAI
) -> None:
    text = read_text(begin(client, {"text": {"tokens": 6}, "stall_after": 4, "stall": 0.6}))

    times = token_times(await_outcome(server, "completed"))
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert text == "1 2 3 4 5 6"
    assert gaps[3] >= 0.55
    assert max(gaps[:3] + gaps[4:]) < 0.3


def test_a_stall_for_ever_outlasts_the_patience_of_the_client(
    server: ScriptedModelServer, client: OpenAI
) -> None:
    chunks = begin(client, {"text": {"tokens": 6}, "stall_after": 2}, timeout=0.5)

    assert read_until_error(chunks, openai.APITimeoutError) == "1 2"
    assert await_outcome(server, "disconnected").tokens == 2


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_cut_breaks_the_connection_after_so_many_tokens(
    server: ScriptedModelServer, client: OpenAI, after: int
) -> None:
    chunks = begin(client, {"text": {"tokens": 6}, "cut_after": after})

    text = read_until_error(chunks, openai.APIConnectionError)

    assert text.split() == [str(number) for number in range(1, after + 1)]
    assert await_outcome(server, "cut").tokens == after


def test_a_cut_behind_the_last_token_leaves_out_the_reason_to_finish(client: OpenAI) -> None:
    finishes = []
    with (
        begin(client, {"text": "Hi", "cut_after": 99}) as chunks,
        pytest.raises(openai.APIConnectionError),
    ):
        for chunk in chunks:
            finishes.append(chunk.choices[0].finish_reason)

    assert finishes == [None, None]


def test_a_call_can_be_cut_in_the_middle_of_its_arguments(client: OpenAI) -> None:
    arguments = ""
    with (
        begin(client, {"calls": CALLS, "cut_after": 2}) as chunks,
        pytest.raises(openai.APIConnectionError),
    ):
        for chunk in chunks:
            for fragment in chunk.choices[0].delta.tool_calls or ():
                arguments += fragment.function.arguments

    assert arguments == '{"city":'


def test_a_whole_answer_can_be_cut_before_it_comes(
    server: ScriptedModelServer, client: OpenAI
) -> None:
    with pytest.raises(openai.APIConnectionError):
        begin(client, {"text": "Hi", "cut_after": 0}, stream=False)

    assert await_outcome(server, "cut").status is None


def test_a_cut_that_happens_once_is_overcome_by_asking_again(client: OpenAI) -> None:
    turn = {"text": {"tokens": 4}, "cut_after": 2, "cut_times": 1}

    assert read_until_error(begin(client, turn), openai.APIConnectionError) == "1 2"
    assert read_text(begin(client, turn)) == "1 2 3 4"


def test_a_cut_spares_the_other_connections(client: OpenAI) -> None:
    with begin(client, {"text": {"tokens": 20}, "rate": 40}) as other:
        read_until_error(begin(client, {"text": "Hi", "cut_after": 0}), openai.APIConnectionError)

        assert read_text(other).split()[-1] == "20"


def test_a_malformed_chunk_follows_the_first_token(client: OpenAI) -> None:
    chunks = begin(client, {"text": {"tokens": 3}, "malformed": True})

    assert read_until_error(chunks, json.JSONDecodeError) == "1"


def test_a_whole_answer_can_be_malformed(client: OpenAI) -> None:
    with pytest.raises((json.JSONDecodeError, openai.APIError)):
        begin(client, {"text": "Hi", "malformed": True}, stream=False)


@pytest.mark.parametrize("reason", ["length", "content_filter", "tool_calls", "stop"])
def test_an_answer_can_finish_for_any_reason(client: OpenAI, reason: str) -> None:
    with begin(client, {"text": "Hi", "finish": reason}) as chunks:
        assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == reason


def test_a_refusal_is_streamed_as_one(client: OpenAI) -> None:
    with begin(client, {"refusal": "I would rather not."}) as chunks:
        deltas = [chunk.choices[0].delta for chunk in chunks]

    assert "".join(delta.refusal or "" for delta in deltas) == "I would rather not."
    assert all(delta.content is None for delta in deltas)


@pytest.mark.parametrize("style", get_args(FragmentStyle))
def test_calls_arrive_whole_however_they_are_cut_up(client: OpenAI, style: str) -> None:
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    place = -1
    with begin(client, {"text": "Wait", "calls": CALLS, "fragments": style}) as chunks:
        for fragment in itertools.chain.from_iterable(
            chunk.choices[0].delta.tool_calls or () for chunk in chunks
        ):
            if style == "no_index":
                assert getattr(fragment, "index", None) is None
                place += bool(fragment.function.name)
            else:
                place = fragment.index
            names[place] = names.get(place, "") + (fragment.function.name or "")
            arguments[place] = arguments.get(place, "") + (fragment.function.arguments or "")

    assert names == {0: "first", 1: "second"}
    assert [json.loads(arguments[n]) for n in (0, 1)] == [call["arguments"] for call in CALLS]


@pytest.mark.parametrize(
    "leave",
    [lambda chunks: chunks.close(), lambda chunks: (next(chunks), next(chunks), chunks.close())],
)
def test_a_stream_stops_when_the_client_leaves(
    server: ScriptedModelServer, client: OpenAI, leave: Callable[[Any], object]
) -> None:
    leave(begin(client, {"text": {"tokens": 5_000}, "rate": 50}))

    assert await_outcome(server, "disconnected").tokens < 100


def test_a_client_that_leaves_during_a_delay_is_noticed(
    server: ScriptedModelServer, client: OpenAI
) -> None:
    with pytest.raises(openai.APITimeoutError):
        begin(client, {"text": "Hi", "delay": 60}, timeout=0.3)

    assert await_outcome(server, "disconnected").status is None
