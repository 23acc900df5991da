"""A request that is sent again gets the first answer, and nothing happens twice."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapters.dynamodb.idempotency import Once, Repeated
from api.replays import REPLAYED
from core.idempotency import KEY_SECONDS, Attempt
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.model import call, stop, text
from tests.support.runs import user_message
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext

RETRY = {"x-stainless-retry-count": "1"}
HELLO = {"role": "user", "content": "Hello"}


def count(client: TestClient, path: str) -> int:
    """Return how many objects a list has."""
    return len(created(client.get(path, params={"limit": 100}))["data"])


def body_of(kind: str, client: TestClient) -> tuple[str, dict[str, Any], str]:
    """Return where a kind of object is made, of what, and where it is listed."""
    if kind == "assistant":
        return "/v1/assistants", {"model": "m"}, "/v1/assistants"
    if kind == "thread":
        return "/v1/threads", {"messages": [HELLO]}, "/v1/threads"
    if kind == "thread and run":
        return "/v1/threads/runs", {"assistant_id": make_assistant(client)}, "/v1/threads"
    path = f"/v1/threads/{make_thread(client)}"
    if kind == "message":
        return f"{path}/messages", HELLO, f"{path}/messages"
    return f"{path}/runs", {"assistant_id": make_assistant(client)}, f"{path}/runs"


KINDS = pytest.mark.parametrize("kind", ["assistant", "thread", "thread and run", "message", "run"])


@KINDS
@pytest.mark.fault("api-before-enqueue")
def test_a_retry_gets_the_first_answer(client: TestClient, kind: str) -> None:
    path, body, listed = body_of(kind, client)
    first = client.post(path, json=body)
    again = client.post(path, json=body, headers=RETRY)
    assert created(again) == created(first)
    assert (again.headers[REPLAYED], REPLAYED in first.headers) == ("true", False)
    assert count(client, listed) == 1


@KINDS
@pytest.mark.fault("api-before-transaction")
def test_a_retry_whose_first_attempt_never_came_is_carried_out(
    client: TestClient, kind: str
) -> None:
    path, body, listed = body_of(kind, client)
    answer = client.post(path, json=body, headers=RETRY)
    created(answer)
    assert REPLAYED not in answer.headers
    assert count(client, listed) == 1


def test_equal_requests_that_are_no_retries_are_each_carried_out(client: TestClient) -> None:
    path, body, listed = body_of("message", client)
    ids = {created(client.post(path, json=body))["id"] for _ in range(3)}
    assert len(ids) == count(client, listed) == 3


def test_a_retry_is_told_the_first_answer_although_the_run_has_moved_on(
    client: TestClient, world: World
) -> None:
    path, body, _ = body_of("run", client)
    first = created(client.post(path, json=body))
    world.model.turn(*text("Done."), *stop())
    assert world.deliver_next()
    again = created(client.post(path, json=body, headers=RETRY))
    assert again == first
    assert created(client.get(f"{path}/{first['id']}"))["status"] == "completed"
    assert world.queues.steps == []


@pytest.mark.parametrize(
    ("retries", "seconds", "made"), [(1, 60, 1), (1, 61, 2), (2, 119, 1), (2, 121, 2), (99, 700, 2)]
)
def test_a_retry_follows_within_a_minute_for_each_attempt_or_is_a_new_request(
    client: TestClient, world: World, retries: int, seconds: int, made: int
) -> None:
    path, body, listed = body_of("message", client)
    created(client.post(path, json=body))
    world.clock.advance(seconds)
    created(client.post(path, json=body, headers={"x-stainless-retry-count": str(retries)}))
    assert count(client, listed) == made


@pytest.mark.parametrize("other", ["body", "path", "caller"])
def test_a_retry_of_something_else_is_carried_out(
    client: TestClient, stranger: TestClient, other: str
) -> None:
    first = created(client.post("/v1/threads", json={"metadata": {"a": "b"}}))
    if other == "body":
        answer = client.post("/v1/threads", json={"metadata": {"a": "c"}}, headers=RETRY)
    elif other == "path":
        answer = client.post(f"/v1/threads/{first['id']}", json={"metadata": {}}, headers=RETRY)
    else:
        answer = stranger.post("/v1/threads", json={"metadata": {"a": "b"}}, headers=RETRY)
    assert REPLAYED not in answer.headers
    created(answer)


def test_a_first_attempt_that_its_retry_has_overtaken_does_nothing(
    client: TestClient, context: ApiContext, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, body, listed = body_of("message", client)
    real = context.messages.add

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(context.messages, "add", real)
        world.clock.advance(1)
        created(client.post(path, json=body, headers=RETRY))
        real(*arguments)

    monkeypatch.setattr(context.messages, "add", overtaken)
    answer = client.post(path, json=body)
    assert answer.headers[REPLAYED] == "true"
    assert count(client, listed) == 1
    # A message of the same words that is written later is no attempt at the same request.
    world.clock.advance(1)
    created(client.post(path, json=body))
    assert count(client, listed) == 2


def test_outputs_that_are_submitted_again_get_the_first_answer(
    client: TestClient, world: World
) -> None:
    thread = make_thread(client, "Weather?")
    run = make_run(client, thread, make_assistant(client, tools=[WEATHER]))["id"]
    world.model.turn(*call("get_weather", "{}", "call_1"), *stop("tool_calls"))
    assert world.deliver_next()
    path = f"/v1/threads/{thread}/runs/{run}/submit_tool_outputs"
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "sunny"}]}
    first = created(client.post(path, json=body))
    assert created(client.post(path, json=body, headers=RETRY)) == first
    assert len(world.queues.steps) == 1
    error = refused(client.post(path, json=body))
    assert error["message"] == 'Runs in status "queued" do not accept tool outputs.'


def test_cancelling_again_after_a_lost_answer_is_no_error(client: TestClient) -> None:
    path, body, _ = body_of("run", client)
    run = created(client.post(path, json=body))["id"]
    assert created(client.post(f"{path}/{run}/cancel"))["status"] == "cancelled"
    assert created(client.post(f"{path}/{run}/cancel", headers=RETRY))["status"] == "cancelled"
    refused(client.post(f"{path}/{run}/cancel"))


def test_a_key_holds_for_a_day_and_for_one_request(client: TestClient, world: World) -> None:
    path, body, listed = body_of("message", client)
    named = {"Idempotency-Key": "order-7"}
    first = created(client.post(path, json=body, headers=named))
    world.clock.advance(KEY_SECONDS - 1)
    assert created(client.post(path, json=body, headers=named)) == first
    error = refused(client.post(path, json={"role": "user", "content": "Other"}, headers=named))
    assert (error["param"], error["code"]) == ("Idempotency-Key", "idempotency_key_reused")
    assert count(client, listed) == 1
    world.clock.advance(2)
    assert created(client.post(path, json=body, headers=named)) != first


def test_keys_of_different_callers_have_nothing_to_do_with_each_other(
    client: TestClient, stranger: TestClient
) -> None:
    named = {"Idempotency-Key": "same"}
    mine = created(client.post("/v1/threads", json={}, headers=named))
    assert created(stranger.post("/v1/threads", json={}, headers=named))["id"] != mine["id"]


def test_a_key_that_is_too_long_is_refused(client: TestClient) -> None:
    error = refused(client.post("/v1/threads", json={}, headers={"Idempotency-Key": "k" * 256}))
    assert error["param"] == "Idempotency-Key"


@pytest.mark.parametrize("header", ["", "-1", "one", "1.5", "\u00b2"])
def test_what_is_no_number_counts_as_a_first_attempt(client: TestClient, header: str) -> None:
    headers = {b"x-stainless-retry-count": header.encode()}
    ids = {created(client.post("/v1/threads", json={}, headers=headers))["id"] for _ in range(2)}
    assert len(ids) == 2


def test_an_answer_that_is_too_large_for_an_item_is_repeated_whole(client: TestClient) -> None:
    path, _, listed = body_of("message", client)
    # Random enough that no compression brings it below the limit of an item.
    words = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(200_000))
    body = {"role": "user", "content": words}
    first = created(client.post(path, json=body))
    assert created(client.post(path, json=body, headers=RETRY)) == first
    assert count(client, listed) == 1


def test_a_refused_request_may_be_sent_again(client: TestClient) -> None:
    path, body, _ = body_of("run", client)
    wrong = {"assistant_id": "asst_none"}
    refused(client.post(path, json=wrong), 404)
    refused(client.post(path, json=wrong, headers=RETRY), 404)
    created(client.post(path, json=body))


def test_of_attempts_that_overlap_only_one_writes(context: ApiContext, client: TestClient) -> None:
    path, _, listed = body_of("message", client)
    # Both have looked for an answer and found none.
    overlapping = [
        Once(context.answers, TENANT, Attempt("caller", "print", context.clock(), retries))
        for retries in (2, 1)
    ]
    first, second = (
        user_message("Hello", context.ids.new("msg"), thread_id=path.split("/")[3])
        for _ in overlapping
    )
    context.messages.add(TENANT, first, overlapping[0].receipt(first.id))
    with pytest.raises(Repeated) as repeated:
        context.messages.add(TENANT, second, overlapping[1].receipt(second.id))
    assert repeated.value.answer == first.id
    assert count(client, listed) == 1
