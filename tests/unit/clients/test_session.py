"""What the client decides, and when: tested without threads, sockets or a real clock."""

import logging

import pytest

from tests.unit.clients.front import RUN, THREAD, Front
from threadrunner_client.errors import (
    AuthenticationError,
    ConnectionLost,
    EventsExpired,
    ProtocolError,
    SubscriptionError,
)
from threadrunner_client.timing import Timing

SUBSCRIBE = {"action": "subscribe", "thread_id": THREAD, "run_id": RUN, "id": "1"}
UNSUBSCRIBE = {"action": "unsubscribe", "thread_id": THREAD, "run_id": RUN}
UNSUBSCRIBED = {"type": "unsubscribed", "thread_id": THREAD, "run_id": RUN}
PING = {"action": "ping"}


@pytest.fixture
def front() -> Front:
    """A front with an open connection and one subscription, which the server has confirmed."""
    front = Front()
    front.session.start(0)
    front.open()
    front.add()
    front.answer()
    front.take_sent()
    front.connects.clear()
    return front


# --- Subscribing -------------------------------------------------------------------------------


def test_a_session_connects_before_there_is_a_subscription() -> None:
    front = Front()
    front.session.start(0)
    front.obey()
    assert front.connects == [0]
    front.open()
    assert front.take_sent() == []


def test_a_subscription_on_an_open_connection_is_requested_at_once() -> None:
    front = Front().open()
    front.add(after="3-7")
    assert front.take_sent() == [SUBSCRIBE | {"after": "3-7"}]


def test_a_subscription_without_a_connection_opens_one() -> None:
    front = Front()
    front.add()
    assert front.connects == [0]
    assert front.take_sent() == []
    front.open()
    assert front.take_sent() == [SUBSCRIBE]


def test_a_second_subscription_does_not_open_a_second_connection() -> None:
    front = Front()
    front.add(1)
    front.add(2, run="run_2")
    assert front.connects == [0]
    front.open()
    assert [message["run_id"] for message in front.take_sent()] == [RUN, "run_2"]


def test_the_caller_is_told_once_that_the_server_knows_of_the_subscription() -> None:
    front = Front().open()
    front.add()
    assert front.accepted == []
    front.frame(None, "1-0")
    front.answer()
    assert front.accepted == [1]


def test_events_are_delivered_only_to_those_who_want_them() -> None:
    front = Front().open()
    front.add(1)
    front.add(2, run="run_2")
    front.add(3)
    front.add(4, run=None)
    front.add(5, thread="thread_2", run=None)
    front.frame(None, "1-0", "1-1")
    assert front.events == {1: ["1-0", "1-1"], 3: ["1-0", "1-1"], 4: ["1-0", "1-1"]}


def test_a_refused_subscription_fails_and_leaves_the_others_alone(front: Front) -> None:
    front.add(2, run="run_2")
    error = {"type": "invalid_request_error", "code": "not_found", "message": "No run."}
    front.receive({"type": "error", "id": "2", "error": error})
    failure = front.failures[2]
    assert isinstance(failure, SubscriptionError)
    assert (failure.code, failure.message) == ("not_found", "No run.")
    front.frame(None, "1-0")
    assert front.events == {1: ["1-0"]}
    assert front.stopped is None


@pytest.mark.parametrize("error", [{"type": "server_error"}, {"code": "rate_limit_exceeded"}])
def test_a_refusal_that_may_pass_is_answered_by_asking_again_ever_later(
    error: dict[str, str],
) -> None:
    front = Front().open()
    front.add()
    times = []
    for _ in range(4):
        assert front.wait_until_sent() == SUBSCRIBE
        times.append(front.now)
        front.receive({"type": "error", "id": "1", "error": error})
    assert times == [0, 0.5, 1.5, 3.5]
    assert front.failures == {}


def test_a_refusal_of_a_request_that_is_no_longer_known_changes_nothing(front: Front) -> None:
    front.receive({"type": "error", "id": "99", "error": {"message": "No."}})
    front.receive({"type": "error", "id": "x", "error": {"message": "No."}})
    front.frame(None, "1-0")
    assert front.events == {1: ["1-0"]}
    assert front.failures == {}


def test_a_server_that_does_not_know_the_connection_gets_a_new_one(front: Front) -> None:
    front.frame(None, "1-0")
    error = {"message": "This connection is no longer known.", "code": "unknown_connection"}
    front.receive({"type": "error", "error": error})
    assert front.disconnects == [0]
    front.wait(0.25)
    assert front.connects == [0.25]
    front.open()
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]


def test_a_late_word_from_a_connection_that_is_gone_drops_nothing(front: Front) -> None:
    front.close()
    front.receive({"type": "error", "error": {"message": "This connection is no longer known."}})
    assert front.disconnects == []


def test_a_server_that_understands_nothing_is_given_up(front: Front) -> None:
    while front.stopped is None:
        assert front.now <= 60
        front.receive({"type": "error", "error": {"message": "secret", "code": "bad_json"}})
        front.wait_for_deadline()
        front.open()
    assert "the server refused a request (code bad_json)" in str(front.stopped)
    assert "secret" not in str(front.stopped)


# --- The end -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "expired", "incomplete"])
def test_a_run_that_ended_ends_its_subscription(front: Front, status: str) -> None:
    front.frame(None, "1-0", "1-1", name=f"thread.run.{status}")
    assert front.events == {1: ["1-0", "1-1"]}
    assert front.ended == [1]
    front.frame("1-1", "1-2")
    front.wait(10_000)
    assert front.events == {1: ["1-0", "1-1"]}
    assert front.take_sent() == []


def test_a_run_that_waits_for_outputs_does_not_end_its_subscription(front: Front) -> None:
    front.frame(None, "1-0", name="thread.run.requires_action")
    front.frame("1-0", "2-0")
    assert front.events == {1: ["1-0", "2-0"]}
    assert front.ended == []


def test_nothing_is_delivered_behind_the_event_that_ends_a_run(front: Front) -> None:
    front.frame("1-1", "1-2")
    front.frame(None, "1-0", "1-1", name="thread.run.failed")
    assert front.events == {1: ["1-0", "1-1"]}


def test_the_last_event_of_a_run_that_has_ended_may_still_come_after_the_answer(
    front: Front,
) -> None:
    front.wait(1)
    front.answer(status="completed")
    assert front.ended == []
    front.wait(0.4)
    front.frame(None, "1-0", name="thread.run.completed")
    assert front.events == {1: ["1-0"]}
    assert front.ended == [1]


def test_a_run_that_ended_long_ago_ends_its_subscription_without_any_event() -> None:
    front = Front().open()
    front.add()
    for _ in range(4):
        assert front.ended == []
        assert front.take_sent() == [SUBSCRIBE]
        front.answer(status="completed")
        if not front.ended:
            front.wait(5)
    assert front.ended == [1]


def test_progress_begins_the_count_of_fruitless_answers_anew() -> None:
    front = Front().open()
    front.add()
    for number in range(6):
        front.wait_until_sent()
        front.answer(status="completed")
        front.frame(None if number == 0 else f"1-{number - 1}", f"1-{number}")
    assert front.now < 5
    assert front.ended == []
    assert front.events == {1: [f"1-{number}" for number in range(6)]}


# --- Gaps --------------------------------------------------------------------------------------


def test_a_gap_that_closes_by_itself_is_not_asked_about(front: Front) -> None:
    front.frame("1-0", "1-1")
    front.wait(0.49)
    front.frame(None, "1-0")
    front.wait(10)
    assert front.take_sent() == []
    assert front.events == {1: ["1-0", "1-1"]}


def test_a_gap_that_stays_is_asked_about_ever_later(front: Front) -> None:
    front.frame(None, "1-0")
    front.frame("1-3", "1-4")
    times = []
    for number in range(8):
        assert front.wait_until_sent() == SUBSCRIBE | {"after": "1-0"}
        times.append(front.now)
        # Something new each time, so that the missing events do not count as gone.
        front.answer(last="1-0")
        front.frame(f"1-{number + 4}", f"1-{number + 5}")
    waits = [later - sooner for sooner, later in zip([0.0, *times], times, strict=False)]
    assert waits == [0.5, 0.5, 1, 2, 4, 8, 15, 15]


def test_the_first_question_about_a_gap_is_soon_followed_by_the_second_however_long_the_silence(
    front: Front,
) -> None:
    front.frame(None, "1-0")
    for _ in range(5):
        front.wait(120)
        front.answer(last="1-0")
    front.take_sent()
    front.frame("1-1", "1-2")
    began = front.now
    assert front.wait_until_sent() == SUBSCRIBE | {"after": "1-0"}
    front.answer(last="1-2")
    assert front.wait_until_sent() == SUBSCRIBE | {"after": "1-0"}
    assert front.now - began == 1


def test_after_progress_within_a_gap_the_next_question_comes_soon(front: Front) -> None:
    front.frame(None, "1-0")
    front.frame("1-4", "1-5")
    for _ in range(4):
        front.wait_until_sent()
        front.answer(last="1-5")
    front.wait_until_sent()
    front.frame("1-0", "1-1")
    began = front.now
    front.answer(last="1-5")
    front.wait_until_sent()
    assert front.now - began == 0.5


def test_further_frames_beyond_a_gap_do_not_put_the_question_off(front: Front) -> None:
    front.frame("1-0", "1-1")
    front.wait(0.4)
    front.frame("1-1", "1-2")
    front.wait(0.1)
    assert front.take_sent() == [SUBSCRIBE]


def test_a_gap_before_the_answer_waits_for_the_answer() -> None:
    front = Front().open()
    front.add()
    front.take_sent()
    front.frame("1-0", "1-1")
    front.wait(5)
    assert front.take_sent() == []
    front.answer(last=None)
    front.wait(0.5)
    assert front.take_sent() == [SUBSCRIBE]


def test_an_answer_that_names_an_event_which_did_not_come_leads_to_a_question(
    front: Front,
) -> None:
    front.frame(None, "1-0")
    front.wait(120)
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]
    front.answer(last="1-1")
    front.wait(0.5)
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]
    front.answer(last="1-1")
    front.frame("1-0", "1-1")
    front.wait(60)
    assert front.take_sent() == []


def test_events_that_the_server_no_longer_has_fail_the_subscription() -> None:
    front = Front().open()
    front.add(after="1-0")
    for _ in range(6):
        assert front.failures == {}
        assert front.wait_until_sent() == SUBSCRIBE | {"after": "1-0"}
        front.frame("4-1", "4-2")
        front.answer(last="4-2")
    failure = front.failures[1]
    assert isinstance(failure, EventsExpired)
    assert failure.after == "1-0"
    assert "after '1-0' are no longer in the log" in str(failure)


def test_frames_that_lie_beyond_a_gap_because_they_are_void_do_not_fail_the_subscription(
    front: Front,
) -> None:
    front.frame(None, "3-1")
    front.frame("3-3", "3-4")
    for _ in range(10):
        assert front.wait_until_sent() == SUBSCRIBE | {"after": "3-1"}
        front.answer(last="3-1")
    assert front.failures == {}
    assert front.now > 60
    front.frame("3-1", "4-0")
    front.take_sent()
    front.wait(60)
    assert front.take_sent() == []
    assert front.events == {1: ["3-1", "4-0"]}


def test_void_frames_do_not_keep_a_run_open_whose_last_events_have_expired(front: Front) -> None:
    front.frame(None, "3-1")
    front.frame("3-3", "3-4")
    for _ in range(4):
        assert front.ended == []
        assert front.wait_until_sent() == SUBSCRIBE | {"after": "3-1"}
        front.answer(status="failed")
    assert front.ended == [1]


# --- Silence -----------------------------------------------------------------------------------


def test_a_subscription_is_renewed_after_a_long_silence(front: Front) -> None:
    front.frame(None, "1-0")
    front.wait(119)
    assert front.take_sent() == []
    front.wait(1)
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]


def test_an_event_begins_the_silence_anew(front: Front) -> None:
    front.wait(119)
    front.frame(None, "1-0")
    front.wait(119)
    assert front.take_sent() == []


def test_a_connection_on_which_much_comes_but_nothing_goes_gets_a_ping(front: Front) -> None:
    for number in range(5):
        front.frame(None if number == 0 else f"1-{number - 1}", f"1-{number}")
        front.wait(48)
    assert front.sent == [(240, PING)]
    front.receive({"type": "pong"})
    front.wait(9)
    assert front.disconnects == []


def test_never_do_ten_minutes_pass_without_a_message_to_the_server(front: Front) -> None:
    for number in range(200):
        front.frame(None if number == 0 else f"1-{number - 1}", f"1-{number}")
        front.receive({"type": "pong"})
        front.wait(30)
    times = [time for time, _ in front.sent]
    assert max(b - a for a, b in zip([0.0, *times], [*times, front.now], strict=True)) <= 240


def test_a_connection_without_subscriptions_costs_nothing() -> None:
    front = Front()
    front.session.start(0)
    front.open()
    assert front.session.deadline is None
    front.wait(100_000)
    front.close()
    front.wait(100_000)
    assert front.take_sent() == []
    assert front.connects == [0]


def test_a_connection_on_which_nothing_answers_is_replaced(front: Front) -> None:
    front.frame(None, "1-0")
    front.wait(120 + 9.9)
    assert front.disconnects == []
    front.wait(0.1)
    assert front.disconnects == [130]
    front.wait(0.25)
    assert front.connects == [130.25]
    front.take_sent()
    front.open()
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]


def test_requests_without_any_answer_do_not_put_off_the_end_of_a_dead_connection() -> None:
    front = Front().open()
    for key in range(4):
        front.add(key, run=f"run_{key}")
        front.wait(4)
    assert front.disconnects == [10]


def test_frames_do_not_stand_in_for_the_answer_to_a_subscription() -> None:
    front = Front().open()
    front.add()
    front.take_sent()
    front.wait(9)
    front.frame(None, "1-0")
    front.wait(1)
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]


def test_the_time_without_a_connection_is_not_the_answers_delay(front: Front) -> None:
    front.add(2, run="run_2")
    front.wait(5)
    front.close()
    front.wait(50)
    front.open()
    for number in range(4):
        front.wait(5)
        front.frame(None if number == 0 else f"1-{number - 1}", f"1-{number}")
    assert front.failures == {}


def test_a_request_that_alone_is_not_answered_is_repeated_and_then_fails(front: Front) -> None:
    front.add(2, run="run_2")
    for number in range(14):
        front.wait(5)
        front.frame(None if number == 0 else f"1-{number - 1}", f"1-{number}")
    asked = [time for time, message in front.sent if message.get("run_id") == "run_2"]
    assert asked == [0, 10, 20, 30, 40, 50]
    assert isinstance(front.failures[2], ConnectionLost)
    assert "did not answer a request for 60 s" in str(front.failures[2])
    assert 1 not in front.failures
    assert front.disconnects == []


# --- Connections that are lost -----------------------------------------------------------------


def test_after_a_cut_every_subscription_goes_on_behind_its_last_event(front: Front) -> None:
    front.add(2, run="run_2", after="5-5")
    front.answer("2")
    front.frame(None, "1-0", "1-1")
    front.take_sent()
    front.close()
    front.wait(0.25)
    assert front.connects == [0.25]
    front.open()
    assert front.take_sent() == [
        SUBSCRIBE | {"after": "1-1"},
        SUBSCRIBE | {"run_id": "run_2", "after": "5-5", "id": "2"},
    ]


def test_attempts_to_reconnect_come_ever_later_up_to_a_limit() -> None:
    front = Front(Timing(give_up_after=100))
    front.add()
    while front.stopped is None and front.now < 100:
        front.fail()
        front.wait_for_deadline()
    waits = [b - a for a, b in zip(front.connects, front.connects[1:], strict=False)]
    assert waits[:8] == [0.25, 0.5, 1, 2, 4, 8, 10, 10]


def test_a_new_subscription_does_not_hurry_the_next_attempt(front: Front) -> None:
    front.close()
    front.add(2, run="run_2")
    assert front.connects == []
    front.wait(0.25)
    assert front.connects == [0.25]


def test_the_jitter_draws_each_delay_from_the_upper_half_of_its_range() -> None:
    front = Front(jitter=0.0)
    front.add()
    front.fail()
    assert front.session.deadline == 0.125


def test_the_total_time_counts_from_the_beginning_of_the_first_attempt() -> None:
    front = Front()
    front.add()
    while front.stopped is None:
        front.wait(10)
        front.fail("timed out")
        front.wait_for_deadline()
    assert front.connects[-1] <= 60
    assert front.now <= 70


def test_an_idle_connection_that_ended_does_not_count_as_an_outage() -> None:
    front = Front()
    front.session.start(0)
    front.open()
    front.wait(1000)
    front.close()
    front.wait(1000)
    front.add()
    front.fail()
    assert front.stopped is None
    front.wait(1)
    front.open()
    assert front.take_sent() == [SUBSCRIBE]


def test_a_client_gives_up_after_the_total_time_and_says_why(front: Front) -> None:
    front.add(2, run="run_2")
    front.close()
    while front.stopped is None:
        assert front.now <= 60
        front.wait_for_deadline()
        front.fail("Connection refused")
    assert front.now == 60
    assert isinstance(front.stopped, ConnectionLost)
    assert str(front.stopped) == (
        "There was no working connection for 60 s; the last attempt ended with: Connection refused."
    )
    assert front.failures == {1: front.stopped, 2: front.stopped}


def test_connections_that_are_cut_before_anything_came_do_not_count_as_working(
    front: Front,
) -> None:
    front.close()
    while front.stopped is None:
        assert front.now <= 60
        front.wait_for_deadline()
        front.open()
        front.receive("Internal server error")
        front.close("it was closed with code 1006")
    assert "closed with code 1006" in str(front.stopped)
    # Tried about as often as if no connection had come about.
    assert len(front.connects) < 14


def test_a_connection_that_worked_begins_the_count_anew(front: Front) -> None:
    for _ in range(20):
        front.close()
        front.wait(0.25)
        front.open()
        front.answer()
        front.wait(30)
    assert front.stopped is None


def test_a_refusal_for_good_ends_everything_at_once(front: Front) -> None:
    front.close()
    front.wait(1)
    refusal = AuthenticationError("no")
    front.fail("HTTP status 401", final=refusal)
    assert front.stopped is refusal
    assert front.failures == {1: refusal}
    assert front.session.deadline is None
    front.add(2)
    front.wait(1000)
    assert front.connects == [0.25]


def test_without_a_subscription_a_first_connection_is_tried_for_until_the_time_is_up() -> None:
    front = Front()
    front.session.start(0)
    front.obey()
    while front.stopped is None:
        front.fail("Connection refused")
        front.wait_for_deadline()
    assert front.now == 60


def test_a_malformed_message_of_the_protocol_ends_everything(front: Front) -> None:
    front.receive({"run_id": RUN, "thread_id": THREAD, "events": "secret"})
    assert isinstance(front.stopped, ProtocolError)
    assert "secret" not in str(front.stopped)
    front.add(2)
    assert front.session.deadline is None
    assert front.take_sent() == []
    assert front.connects == []


@pytest.mark.parametrize(
    "text",
    ["Internal server error", "[1]", '{"message": "secret"}', '{"type": "news"}', "[" * 99_999],
)
def test_what_is_not_of_the_protocol_is_logged_without_its_words(
    front: Front, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    front.receive(text)
    assert front.stopped is None
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert record.getMessage() == "The server sent a message that is not part of the protocol."


# --- The two hours -----------------------------------------------------------------------------


def keep_busy(front: Front, seconds: float) -> None:
    """Let time pass on a connection on which every request is answered."""
    for _ in range(round(seconds / 10)):
        front.receive({"type": "pong"})
        front.answer()
        front.wait(10)


def test_a_connection_is_replaced_before_the_gateway_ends_it(front: Front) -> None:
    keep_busy(front, 110 * 60 - 10)
    assert front.connects == []
    keep_busy(front, 20)
    assert front.connects == [110 * 60]
    # Until the new one stands, the old one serves.
    front.frame(None, "1-0")
    assert front.events == {1: ["1-0"]}
    front.take_sent()
    front.open()
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0"}]
    assert front.disconnects == []


def test_if_the_replacement_fails_the_old_connection_serves_and_it_is_tried_again(
    front: Front,
) -> None:
    keep_busy(front, 110 * 60)
    front.fail()
    keep_busy(front, 10)
    front.fail()
    front.frame(None, "1-0")
    assert front.events == {1: ["1-0"]}
    assert len(front.connects) == 2
    assert front.stopped is None


def test_a_replacement_that_fails_for_long_is_no_outage_while_the_old_connection_serves(
    front: Front,
) -> None:
    keep_busy(front, 110 * 60)
    for attempt in range(1, 13):
        assert len(front.connects) == attempt
        front.fail()
        front.wait_for_deadline()
    assert front.now - front.connects[0] > 60
    assert front.stopped is None


def test_on_the_new_connection_nothing_waits_for_what_was_left_on_the_old_one(
    front: Front,
) -> None:
    keep_busy(front, 110 * 60)
    front.add(2, run="run_2")
    front.remove(1)
    front.take_sent()
    front.open()
    front.take_sent()
    front.add(3)
    assert front.take_sent() == [SUBSCRIBE | {"id": "3"}]


def test_if_the_old_connection_ends_while_it_is_replaced_nothing_more_is_opened(
    front: Front,
) -> None:
    keep_busy(front, 110 * 60)
    front.close()
    front.wait(5)
    assert len(front.connects) == 1
    front.fail()
    front.wait(5)
    assert len(front.connects) == 2


# --- Leaving -----------------------------------------------------------------------------------


def test_a_subscription_that_is_closed_early_is_taken_back(front: Front) -> None:
    front.remove()
    assert front.take_sent() == [UNSUBSCRIBE]
    front.frame(None, "1-0")
    assert front.events == {}


def test_a_subscription_is_not_taken_back_while_another_needs_it(front: Front) -> None:
    front.add(2)
    front.take_sent()
    front.remove(1)
    assert front.take_sent() == []
    front.remove(2)
    assert front.take_sent() == [UNSUBSCRIBE]


def test_a_new_subscription_waits_until_the_old_one_is_taken_back(front: Front) -> None:
    front.remove()
    front.add(2, after="1-0")
    assert front.take_sent() == [UNSUBSCRIBE]
    front.receive(UNSUBSCRIBED)
    assert front.take_sent() == [SUBSCRIBE | {"after": "1-0", "id": "2"}]


def test_a_new_subscription_does_not_wait_for_ever(front: Front) -> None:
    front.remove()
    front.wait(1)
    front.add(2)
    front.receive({"type": "pong"})
    front.wait(8.9)
    assert front.take_sent() == [UNSUBSCRIBE]
    front.wait(0.1)
    assert SUBSCRIBE | {"id": "2"} in front.take_sent()


def test_a_subscription_that_is_closed_while_it_waits_is_never_requested(front: Front) -> None:
    front.remove()
    front.add(2)
    front.remove(2)
    front.receive(UNSUBSCRIBED)
    assert front.take_sent() == [UNSUBSCRIBE]


def test_a_new_connection_knows_of_no_old_subscriptions(front: Front) -> None:
    front.remove()
    front.add(2)
    front.close()
    front.wait(1)
    front.take_sent()
    front.open()
    assert front.take_sent() == [SUBSCRIBE | {"id": "2"}]
    front.wait(5)
    assert front.take_sent() == []


# --- Threads -----------------------------------------------------------------------------------

THREAD_SUBSCRIBE = {"action": "subscribe", "thread_id": THREAD, "id": "1"}


@pytest.fixture
def follower() -> Front:
    """A front with a subscription to a whole thread."""
    front = Front().open()
    front.add(run=None)
    assert front.take_sent() == [THREAD_SUBSCRIBE]
    front.answer(status=None)
    return front


def test_a_thread_gives_the_events_of_its_runs_each_in_order(follower: Front) -> None:
    follower.frame(None, "1-0", run="run_1", name="thread.run.completed")
    follower.frame(None, "1-0", run="run_2")
    follower.frame("1-1", "1-2", run="run_2")
    follower.frame("1-0", "1-1", run="run_2")
    assert follower.events == {1: ["1-0", "1-0", "1-1", "1-2"]}
    assert follower.ended == []


def test_a_gap_in_a_run_of_a_thread_is_filled_by_asking_for_that_run(follower: Front) -> None:
    follower.frame("1-0", "1-1", run="run_2")
    follower.wait(0.5)
    request = {"action": "subscribe", "thread_id": THREAD, "run_id": "run_2", "id": "1/run_2"}
    assert follower.take_sent() == [request]
    follower.frame(None, "1-0", run="run_2")
    follower.answer("1/run_2", last="1-1")
    assert follower.events == {1: ["1-0", "1-1"]}
    # The thread's subscription goes on, so that of the run is not needed any more.
    assert follower.take_sent() == [UNSUBSCRIBE | {"run_id": "run_2"}]


def test_a_run_that_another_subscription_needs_stays_subscribed(follower: Front) -> None:
    follower.add(2, run="run_2")
    follower.answer("2")
    follower.take_sent()
    follower.frame("1-0", "1-1", run="run_2")
    follower.wait(0.5)
    assert {message["id"] for message in follower.take_sent()} == {"1/run_2", "2"}
    follower.answer("1/run_2")
    assert follower.take_sent() == []


def test_after_a_cut_a_thread_asks_for_its_runs_that_have_not_ended(follower: Front) -> None:
    follower.frame(None, "1-0", run="run_1", name="thread.run.failed")
    follower.frame(None, "1-0", run="run_2")
    follower.close()
    follower.wait(1)
    follower.open()
    assert follower.take_sent() == [
        THREAD_SUBSCRIBE,
        THREAD_SUBSCRIBE | {"run_id": "run_2", "after": "1-0", "id": "1/run_2"},
    ]


def test_late_frames_of_a_run_that_ended_are_not_delivered_again(follower: Front) -> None:
    follower.frame(None, "1-0", name="thread.run.completed")
    follower.frame(None, "1-0", name="thread.run.completed")
    follower.frame("1-0", "1-1")
    assert follower.events == {1: ["1-0"]}
    follower.wait(60)
    assert follower.take_sent() == []


def test_while_a_run_is_asked_about_the_thread_need_not_be(follower: Front) -> None:
    follower.frame(None, "1-0", run="run_2")
    follower.wait(120)
    [request] = follower.take_sent()
    assert request["id"] == "1/run_2"
    assert request["after"] == "1-0"


def test_a_thread_is_renewed_after_a_silence_and_left_when_closed(follower: Front) -> None:
    follower.wait(119)
    follower.frame(None, "1-0", name="thread.run.completed")
    follower.wait(119)
    assert follower.take_sent() == []
    follower.wait(1)
    assert follower.take_sent() == [THREAD_SUBSCRIBE]
    follower.remove()
    assert follower.take_sent() == [{"action": "unsubscribe", "thread_id": THREAD}]


# --- Timing ------------------------------------------------------------------------------------


def test_a_time_that_is_not_above_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"gap_wait is 0, but it must be above zero\."):
        Timing(gap_wait=0)
    with pytest.raises(ValueError, match="give_up_after is nan"):
        Timing(give_up_after=float("nan"))


def test_delays_do_not_overflow_after_very_many_attempts() -> None:
    assert Timing().reconnect_delay(10**6, 1) == 10
