"""Runs that are created over the socket: what is sent when, without sockets or a real clock."""

import pytest

from tests.unit.clients.front import RUN, THREAD, Front
from threadrunner_client.errors import ConnectionLost, ProtocolError, RunCreationError
from threadrunner_client.messages import LARGEST_MESSAGE, framed

CREATE = {
    "action": "run.create",
    "id": "1",
    "thread_id": THREAD,
    "run": {"assistant_id": "asst_1"},
    "idempotency_key": "once",
}
SUBSCRIBE = {"action": "subscribe", "thread_id": THREAD, "run_id": RUN, "id": "1"}
UNSUBSCRIBE = {"action": "unsubscribe", "thread_id": THREAD, "run_id": RUN}


@pytest.fixture
def front() -> Front:
    """A front with an open connection, over which a run was asked for."""
    front = Front().open()
    front.create()
    return front


def test_a_run_is_asked_for_once_the_connection_stands() -> None:
    front = Front()
    front.create()
    assert front.take_sent() == []
    front.open()
    assert front.take_sent() == [CREATE]


def test_a_run_without_a_thread_names_none() -> None:
    front = Front().open()
    front.create(thread=None)
    [request] = front.take_sent()
    assert "thread_id" not in request


def test_the_caller_is_told_of_the_run_and_gets_its_events_without_another_request(
    front: Front,
) -> None:
    front.take_sent()
    assert front.accepted == []
    front.created()
    made = front.made[1]
    assert made is not None
    assert (made.thread_id, made.run_id, made.run) == (THREAD, RUN, {"id": RUN})
    front.frame(None, "1-0")
    front.frame("1-0", "1-1", name="thread.run.completed")
    assert front.events == {1: ["1-0", "1-1"]}
    assert front.ended == [1]
    assert front.take_sent() == []


def test_a_request_without_an_answer_is_repeated_on_the_same_connection_and_on_the_next(
    front: Front,
) -> None:
    front.take_sent()
    for _ in range(3):
        front.receive({"type": "pong"})
        assert front.wait_until_sent() == CREATE
    front.close()
    front.wait(0.25)
    front.open()
    assert front.take_sent() == [CREATE]


def test_after_a_repetition_the_client_makes_sure_that_this_connection_is_subscribed(
    front: Front,
) -> None:
    front.close()
    front.wait(0.25)
    front.open()
    front.take_sent()
    front.created()
    assert front.take_sent() == [SUBSCRIBE]


def test_a_second_answer_changes_nothing_but_what_is_known_to_exist(front: Front) -> None:
    front.created()
    front.frame(None, "1-0")
    front.take_sent()
    front.created(last="1-1")
    assert front.accepted == [1]
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]


def test_events_that_the_answer_tells_of_are_asked_for_soon_if_they_do_not_come(
    front: Front,
) -> None:
    front.take_sent()
    front.created(last="1-1")
    assert front.wait_until_sent() == SUBSCRIBE
    assert front.now == 0.5


def test_a_long_silence_is_asked_about_as_with_any_run(front: Front) -> None:
    front.created()
    front.frame(None, "1-0")
    front.take_sent()
    assert front.wait_until_sent() == SUBSCRIBE | {"after": "1-0"}
    assert front.now == 120


def test_a_run_that_nothing_is_heard_of_is_asked_about_sooner(front: Front) -> None:
    front.created()
    front.take_sent()
    assert front.wait_until_sent() == SUBSCRIBE
    assert front.now == 10


def test_a_run_that_is_too_large_for_a_frame_is_created_all_the_same(front: Front) -> None:
    message = {"type": "run.created", "id": "1", "thread_id": THREAD, "run_id": RUN}
    front.receive(message | {"run": None, "href": f"/v1/threads/{THREAD}/runs/{RUN}"})
    front.frame(None, "1-0")
    assert front.events == {1: ["1-0"]}


def test_a_refusal_fails_with_the_servers_words(front: Front) -> None:
    error = {"type": "invalid_request_error", "code": "c", "param": "p", "message": "No."}
    front.receive({"type": "error", "id": "1", "error": error})
    failure = front.failures[1]
    assert isinstance(failure, RunCreationError)
    assert (failure.code, failure.param, failure.message) == ("c", "p", "No.")
    front.wait(1000)
    assert front.take_sent() == [CREATE]


def test_a_refusal_that_may_pass_is_answered_by_asking_again(front: Front) -> None:
    front.take_sent()
    error = {"type": "server_error", "message": "Send it again."}
    front.receive({"type": "error", "id": "1", "error": error})
    assert front.wait_until_sent() == CREATE
    assert front.now == 0.5


def test_a_server_that_owes_an_answer_for_too_long_is_given_up(front: Front) -> None:
    while 1 not in front.failures:
        front.receive({"type": "pong"})
        front.wait_for_deadline()
    assert isinstance(front.failures[1], ConnectionLost)
    assert front.now == 60


def test_a_run_that_nobody_wants_any_more_is_left_when_it_is_there(front: Front) -> None:
    front.remove()
    front.take_sent()
    front.created()
    assert front.take_sent() == [UNSUBSCRIBE]


def test_it_is_not_left_while_somebody_else_follows_it(front: Front) -> None:
    front.add(2)
    front.remove()
    front.take_sent()
    front.created()
    assert front.take_sent() == []


@pytest.mark.parametrize(
    "wrong", [{"run_id": None}, {"thread_id": ""}, {"run": "run_1"}, {"last": "x"}]
)
def test_an_answer_that_does_not_tell_of_a_run_breaks_the_protocol(
    front: Front, wrong: dict[str, str]
) -> None:
    message = {"type": "run.created", "id": "1", "thread_id": THREAD, "run_id": RUN, "run": {}}
    front.receive(message | wrong)
    assert isinstance(front.stopped, ProtocolError)
    assert "run.created" in str(front.stopped)


@pytest.mark.parametrize("size", [1, 32_704, 32_705, LARGEST_MESSAGE])
def test_a_message_is_split_into_frames_that_join_to_it(size: int) -> None:
    text = "x" * size
    sent = framed(text)
    parts = [sent] if isinstance(sent, str) else sent
    assert "".join(parts) == text
    assert max(map(len, parts)) <= 32 * 1024
