"""The life cycle of a run, walked pair by pair against the contract as it is written down here."""

from typing import Any, get_args

import pytest

from core.records import RunPhase
from core.run_machine import (
    IllegalTransition,
    Trigger,
    allows,
    announcements,
    move,
    run_event,
)
from core.schema.runs import (
    RequiredAction,
    RequiredFunction,
    RequiredToolCall,
    RunStatus,
    SubmitToolOutputsAction,
)
from tests.support.runs import NOW, run_record

STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
TERMINAL = {"completed", "incomplete", "failed", "cancelled", "expired"}
# What OpenAI describes, and what each arrow is called here. Clients cancel queued and waiting runs
# too; whatever has not ended can fail and expire. A run that is being cancelled does nothing else.
CONTRACT: dict[str, dict[str, str]] = {
    "queued": {
        "claim": "in_progress",
        "cancel": "cancelling",
        "fail": "failed",
        "expire": "expired",
    },
    "in_progress": {
        "claim": "in_progress",
        "tools_started": "in_progress",
        "tools_done": "in_progress",
        "action_required": "requires_action",
        "finish": "completed",
        "cut_short": "incomplete",
        "cancel": "cancelling",
        "fail": "failed",
        "expire": "expired",
    },
    "requires_action": {
        "outputs_submitted": "queued",
        "cancel": "cancelling",
        "fail": "failed",
        "expire": "expired",
    },
    "cancelling": {"cancelled": "cancelled"},
}
# Who has the next move once a run is there; where it says nothing, whoever had it.
NEXT_MOVE = {
    "claim": RunPhase.READY,
    "tools_started": RunPhase.TOOLS,
    "tools_done": RunPhase.READY,
    "action_required": RunPhase.CLIENT,
    "outputs_submitted": RunPhase.READY,
}
ACTION = RequiredAction(
    submit_tool_outputs=SubmitToolOutputsAction(
        tool_calls=[
            RequiredToolCall(id="call_1", function=RequiredFunction(name="f", arguments="{}"))
        ]
    )
)
ALLOWED = [(status, word) for status, arrows in CONTRACT.items() for word in arrows]


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("status", STATUSES)
def test_a_run_takes_what_the_contract_allows_and_nothing_else(
    status: RunStatus, trigger: Trigger
) -> None:
    run = run_record(status=status)
    target = CONTRACT.get(status, {}).get(trigger.value)
    assert allows(status, trigger) == (target is not None)
    if target is not None:
        assert move(run, trigger, now=NOW).status == target
        return
    with pytest.raises(IllegalTransition) as caught:
        move(run, trigger, now=NOW)
    assert str(caught.value) == f"A run that is {status!r} does not take {trigger.value!r}."
    assert (caught.value.status, caught.value.trigger) == (status, trigger)


@pytest.mark.parametrize(("status", "word"), ALLOWED)
def test_the_phase_says_who_has_the_next_move(status: RunStatus, word: str) -> None:
    run = run_record(status=status, phase=RunPhase.CLIENT)
    after = move(run, Trigger(word), now=NOW)
    if after.status in TERMINAL:
        assert after.phase is RunPhase.ENDED
    else:
        assert after.phase is NEXT_MOVE.get(word, RunPhase.CLIENT)


@pytest.mark.parametrize(("status", "word"), ALLOWED)
def test_an_end_is_dated_where_openai_has_a_date_for_it(status: RunStatus, word: str) -> None:
    after = move(run_record(status=status, started_at=NOW - 9), Trigger(word), now=NOW)
    dated = {
        name: value
        for name in ("completed_at", "failed_at", "cancelled_at")
        if (value := getattr(after, name)) is not None
    }
    expected = {
        "completed": {"completed_at": NOW},
        "incomplete": {"completed_at": NOW},
        "failed": {"failed_at": NOW},
        "cancelled": {"cancelled_at": NOW},
    }
    assert dated == expected.get(after.status, {})


@pytest.mark.parametrize(("status", "word"), ALLOWED)
def test_only_a_run_that_waits_for_its_client_says_what_for(status: RunStatus, word: str) -> None:
    fields: dict[str, Any] = {"required_action": ACTION} if word == "action_required" else {}
    run = run_record(status=status, required_action=ACTION)
    after = move(run, Trigger(word), now=NOW, **fields)
    assert after.required_action == (ACTION if after.status == "requires_action" else None)


def test_a_run_starts_once() -> None:
    first = move(run_record(), Trigger.CLAIM, now=NOW + 1)
    again = move(first, Trigger.CLAIM, now=NOW + 2)
    assert (first.started_at, again.started_at) == (NOW + 1, NOW + 1)


def test_a_move_leaves_the_run_as_it_was_read() -> None:
    run = run_record()
    move(run, Trigger.CLAIM, now=NOW, attempts=1)
    assert run == run_record()


def test_further_fields_change_with_the_status() -> None:
    after = move(run_record(), Trigger.CLAIM, now=NOW, attempts=1, lease_owner="worker")
    assert (after.attempts, after.lease_owner) == (1, "worker")


@pytest.mark.parametrize(("status", "word"), ALLOWED)
def test_each_change_of_status_is_announced_once_with_the_whole_run(
    status: RunStatus, word: str
) -> None:
    before = run_record(status=status)
    after = move(before, Trigger(word), now=NOW)
    events = announcements(before, after)
    if after.status == status:
        assert events == []
        return
    (event,) = events
    assert event.name == f"thread.run.{after.status}"
    assert event.data == after.to_wire().model_dump(mode="json")
    assert event == run_event(after)


def test_a_run_that_is_asked_to_cancel_is_announced_as_clients_see_it() -> None:
    run = run_record(status="in_progress", cancel_requested=True)
    assert run_event(run).name == "thread.run.cancelling"
    assert run_event(run).data["status"] == "cancelling"


def test_every_run_that_has_not_ended_can_reach_an_end() -> None:
    for status in STATUSES:
        reached, frontier = {status}, {status}
        while frontier:
            frontier = {
                target
                for each in frontier
                for trigger in Trigger
                if allows(each, trigger)
                for target in [move(run_record(status=each), trigger, now=NOW).status]
            } - reached
            reached |= frontier
        assert reached & TERMINAL
        assert (status in TERMINAL) == (reached == {status})
