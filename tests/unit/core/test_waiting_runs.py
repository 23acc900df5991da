"""A run that waits for its thread: what it holds back, whose turn comes, and who looks after it."""

import pytest

from core.changes import Change, ThreadLine
from core.dispatch import FIRST_CHECK_SECONDS, next_look_seconds
from core.endings import claim, end_run
from core.jobs import CheckJob, StepJob
from core.records import RunPhase, RunRecord
from core.run_machine import Trigger
from core.thread_line import TURN_WATCH, next_turn, place_messages, waiting_run
from tests.support.runs import NOW, RUN, THREAD, CountedIds, run_record, user_message
from tests.support.world import TENANT

NOW_MS = NOW * 1000
NAMES = {"tenant": TENANT, "thread_id": THREAD}


def claimed(run: RunRecord) -> Change:
    return claim(run, owner="worker", lease_until_ms=NOW_MS, message=None, step=None, now=NOW)


def cancelled(run: RunRecord, *waiting: str) -> Change:
    change = end_run(run, Trigger.CANCELLED, message=None, step=None, now=NOW)
    line = ThreadLine(RUN, waiting)
    return Change(change.before, change.after, change.events, line=line)


def test_a_waiting_run_is_queued_and_keeps_its_messages() -> None:
    message = user_message("Later.")
    run = waiting_run(run_record(), [message])
    assert (run.status, run.phase) == ("queued", RunPhase.WAITING)
    assert run.held_messages is not None
    assert run.held_messages.messages == [message]
    assert waiting_run(run_record(), []).held_messages is None


def test_a_claim_places_held_messages_once_with_ids_and_time_of_that_moment() -> None:
    held = [user_message(said, f"msg_old{said}") for said in "ab"]
    run = waiting_run(run_record(), held).model_copy(update={"phase": RunPhase.READY})
    change = place_messages(claimed(run), CountedIds().new, now=NOW + 60)
    assert [message.id for message in change.messages] == ["msg_0001", "msg_0002"]
    assert {message.created_at for message in change.messages} == {NOW + 60}
    assert [message.content for message in change.messages] == [each.content for each in held]
    assert change.after.held_messages is None
    again = claimed(change.after)
    assert place_messages(again, CountedIds().new, now=NOW) == again


def test_a_run_that_ends_before_its_turn_drops_its_messages() -> None:
    run = waiting_run(run_record(), [user_message("Never.")])
    change = cancelled(run)
    assert change.messages == ()
    assert change.after.held_messages is None


def test_the_first_that_waits_has_the_next_turn() -> None:
    turn = next_turn(cancelled(run_record(), "run_b", "run_c"))
    assert turn is not None
    assert turn.check == CheckJob(**NAMES, run_id="run_b", watch=TURN_WATCH)
    assert turn.step == StepJob(**NAMES, run_id="run_b", step_no=0)
    assert turn.check.watch == run_record().watch + 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(cancelled(run_record()), id="nobody-waits"),
        pytest.param(
            cancelled(run_record(phase=RunPhase.WAITING), RUN, "run_b"), id="it-waits-itself"
        ),
        pytest.param(
            Change(run_record(), run_record(), line=ThreadLine(RUN, ("run_b",))), id="it-goes-on"
        ),
    ],
)
def test_only_the_end_of_the_active_run_gives_a_turn(change: Change) -> None:
    assert next_turn(change) is None


@pytest.mark.parametrize(
    ("phase", "watch", "seconds"),
    [
        pytest.param(RunPhase.WAITING, 1, 5001, id="its-own-check-is-patient"),
        pytest.param(RunPhase.WAITING, 2, FIRST_CHECK_SECONDS, id="its-turn-may-come"),
        pytest.param(RunPhase.CLIENT, 2, 5001, id="a-client-may-take-its-time"),
    ],
)
def test_a_check_for_a_turn_that_is_yet_to_come_comes_again_soon(
    phase: RunPhase, watch: int, seconds: int
) -> None:
    run = run_record(phase=phase, expires_at=NOW + 5000)
    check = CheckJob(**NAMES, run_id=RUN, watch=watch)
    assert next_look_seconds(run, check, now_ms=NOW_MS) == seconds
