"""The audit finds nothing where all is well, and each planted violation where it was planted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.lifetimes import ThreadLock
from core.records import CallState, RunPhase
from core.schema.runs import RunError, Usage
from runner.step import MAX_ATTEMPTS
from tests.chaos.audit import audit
from tests.chaos.picture import Evidence
from tests.chaos.plan import TAG
from tests.support.runs import user_message
from tests.unit.chaos.sound_evidence import Tampering, sound_evidence, text_message

Plant = Callable[[Tampering], Evidence]
RULES = {
    "made once",
    "client",
    "ended",
    "end",
    "open",
    "usage",
    "chain",
    "contract",
    "records",
    "whole",
    "calls",
    "tools",
    "functions",
    "once",
    "transcript",
    "thread",
    "order",
    "queues",
}


def test_sound_evidence_passes_every_rule() -> None:
    verdict = audit(sound_evidence())
    assert verdict.violations == []
    assert set(verdict.looks) == RULES


def test_a_step_that_was_interrupted_too_often_may_fail_its_run() -> None:
    at = Tampering(sound_evidence())
    error = RunError(code="server_error", message="The step was interrupted.")
    given_up = at.with_record(status="failed", last_error=error, attempts=MAX_ATTEMPTS)
    assert "end" not in audit(given_up).broken()


def test_a_run_that_never_had_its_turn_need_not_have_asked() -> None:
    at = Tampering(sound_evidence())
    plan = replace(at.evidence.conversations[0].runs[0], asks_with_run=True)
    conversation = replace(at.evidence.conversations[0], runs=(plan,))
    waited = Tampering(replace(at.evidence, conversations=[conversation]))
    unasked = Tampering(waited.with_thread(messages=at.thread.messages[1:]))
    assert "made once" in audit(unasked.evidence).broken()
    assert "made once" not in audit(unasked.with_record(started_at=None)).broken()


# ---- plants: each breaks one thing --------------------------------------------------------------


def a_second_run_for_one_request(at: Tampering) -> Evidence:
    twin = replace(at.run, record=at.run.record.model_copy(update={"id": "run_twin"}))
    return at.with_picture(runs=(at.run, twin))


def a_second_thread_for_one_request(at: Tampering) -> Evidence:
    return at.with_picture(threads=(at.thread, replace(at.thread, thread_id="thread_twin")))


def a_lost_run(at: Tampering) -> Evidence:
    return at.with_picture(runs=())


def a_doubled_question(at: Tampering) -> Evidence:
    first, *rest = at.thread.messages
    return at.with_thread(messages=(first, first.model_copy(update={"id": "msg_0000b"}), *rest))


def a_lost_question(at: Tampering) -> Evidence:
    return at.with_thread(messages=at.thread.messages[1:])


def a_message_that_nobody_sent(at: Tampering) -> Evidence:
    stranger = user_message("Hello", "msg_0000a")
    return at.with_thread(messages=(stranger, *at.thread.messages))


def steps_without_a_run(at: Tampering) -> Evidence:
    return at.with_picture(orphans=("run_gone",))


def a_complaint(at: Tampering) -> Evidence:
    at.report.complaints.append("its tool outputs were refused")
    return at.evidence


def a_client_that_knows_another_run(at: Tampering) -> Evidence:
    at.report.run_id = "run_other"
    return at.evidence


def a_run_that_never_ends(at: Tampering) -> Evidence:
    return at.with_record(status="in_progress", phase=RunPhase.READY)


def an_ended_run_with_a_lease(at: Tampering) -> Evidence:
    return at.with_record(lease_owner="request/1")


def an_ended_run_in_another_phase(at: Tampering) -> Evidence:
    return at.with_record(phase=RunPhase.TOOLS)


def a_cancellation_that_was_promised(at: Tampering) -> Evidence:
    at.report.cancel_accepted = True
    plan = replace(at.evidence.conversations[0].runs[0], cancel_after=1.0)
    conversation = replace(at.evidence.conversations[0], runs=(plan,))
    return replace(at.evidence, conversations=[conversation])


def an_unplanned_failure(at: Tampering) -> Evidence:
    error = RunError(code="server_error", message="Something else.")
    return at.with_record(status="failed", last_error=error)


def an_open_message(at: Tampering) -> Evidence:
    return at.with_message(-1, status="in_progress")


def an_open_step(at: Tampering) -> Evidence:
    return at.with_step(-1, status="in_progress")


def usage_that_is_counted_twice(at: Tampering) -> Evidence:
    return at.with_record(usage=at.run.record.usage + Usage(total_tokens=1))


def a_lost_batch(at: Tampering) -> Evidence:
    batches = list(at.run.batches)
    del batches[1]
    return at.with_run(batches=tuple(batches))


def a_doubled_batch(at: Tampering) -> Evidence:
    return at.with_run(batches=(*at.run.batches, at.run.batches[-1]))


def a_log_that_ends_too_early(at: Tampering) -> Evidence:
    return at.with_run(batches=at.run.batches[:-1])


def a_log_that_is_gone(at: Tampering) -> Evidence:
    return at.with_run(batches=())


def a_run_behind_its_log(at: Tampering) -> Evidence:
    return at.with_record(epoch=0)


def an_event_that_comes_twice(at: Tampering) -> Evidence:
    first, *rest = at.run.batches
    doubled = replace(first, events=(*first.events[:1], *first.events[:1], *first.events[2:]))
    return at.with_run(batches=(doubled, *rest))


def a_lost_delta(at: Tampering) -> Evidence:
    batches = [
        replace(
            batch,
            events=tuple(event for event in batch.events if event.name != "thread.message.delta"),
        )
        for batch in at.run.batches
    ]
    return at.with_run(batches=tuple(batch for batch in batches if batch.events))


def a_record_that_says_something_else(at: Tampering) -> Evidence:
    return at.with_step(-1, completed_at=1)


def a_message_that_is_not_stored(at: Tampering) -> Evidence:
    return at.with_thread(messages=at.thread.messages[:-1])


def a_message_that_was_not_told(at: Tampering) -> Evidence:
    stranger = at.thread.messages[-1].model_copy(update={"id": "msg_9999"})
    return at.with_thread(messages=(*at.thread.messages, stranger))


def a_run_that_says_something_else(at: Tampering) -> Evidence:
    return at.with_record(started_at=1)


def a_lost_token(at: Tampering) -> Evidence:
    return at.with_message(-1, content=text_message(at.thread.messages[-1], "1 2 4"))


def a_doubled_token(at: Tampering) -> Evidence:
    return at.with_message(-1, content=text_message(at.thread.messages[-1], "1 2 2 3 4"))


def a_moved_token(at: Tampering) -> Evidence:
    return at.with_message(-1, content=text_message(at.thread.messages[-1], "1 3 2 4"))


def a_broken_message_with_a_strange_token(at: Tampering) -> Evidence:
    return at.with_message(3, content=text_message(at.thread.messages[3], "1 3"))


def a_call_that_was_not_planned(at: Tampering) -> Evidence:
    plan = at.evidence.conversations[0].runs[0]
    first, second = plan.turns
    plan = replace(plan, turns=(replace(first, calls=first.calls[:1]), second))
    conversation = replace(at.evidence.conversations[0], runs=(plan,))
    return replace(at.evidence, conversations=[conversation])


def with_call(at: Tampering, **fields: Any) -> Evidence:
    (call,) = at.run.calls
    return at.with_run(calls=(call.model_copy(update=fields),))


def a_call_that_is_not_done(at: Tampering) -> Evidence:
    return with_call(at, state=CallState.CLAIMED, output=None)


def a_call_that_no_step_shows(at: Tampering) -> Evidence:
    (call,) = at.run.calls
    stranger = call.model_copy(update={"call_id": "call_hidden", "state": CallState.PENDING})
    return at.with_run(calls=(call, stranger))


def a_call_whose_record_is_gone(at: Tampering) -> Evidence:
    return at.with_run(calls=())


def a_call_with_another_output_than_shown(at: Tampering) -> Evidence:
    return with_call(at, output='{"error": "none"}', failed=True)


def a_success_that_the_service_did_not_give(at: Tampering) -> Evidence:
    return with_call(at, failed=True)


def a_call_that_acted_although_it_is_denied(at: Tampering) -> Evidence:
    return with_call(at, output='{"error": "The tool was not called."}', failed=True)


def a_call_that_acted_twice(at: Tampering) -> Evidence:
    return replace(at.evidence, asked=dict.fromkeys(at.evidence.asked, 2))


def a_call_that_never_acted(at: Tampering) -> Evidence:
    return replace(at.evidence, asked={})


def an_act_without_a_call(at: Tampering) -> Evidence:
    return replace(at.evidence, asked={**at.evidence.asked, "run_x-step_x-call_x": 1})


def an_act_without_a_key(at: Tampering) -> Evidence:
    return replace(at.evidence, asked={**at.evidence.asked, "": 1})


def outputs_that_were_taken_twice(at: Tampering) -> Evidence:
    at.report.submitted.append("call_look")
    return at.evidence


def outputs_that_nobody_gave(at: Tampering) -> Evidence:
    at.report.submitted.clear()
    return at.evidence


def outputs_that_are_lost(at: Tampering) -> Evidence:
    at.report.submitted.append("call_lost")
    return at.evidence


def an_output_of_somebody_else(at: Tampering) -> Evidence:
    details = at.run.steps[3].step_details
    assert details.type == "tool_calls"
    calls = [
        call.with_output("something") if call.type == "function" else call
        for call in details.tool_calls
    ]
    return at.with_step(3, step_details=details.model_copy(update={"tool_calls": calls}))


def a_watcher_who_missed_an_event(at: Tampering) -> Evidence:
    assert at.report.transcript is not None
    del at.report.transcript[5]
    return at.evidence


def a_watcher_who_heard_something_else(at: Tampering) -> Evidence:
    assert at.report.transcript is not None
    at.report.transcript[5] = replace(at.report.transcript[5], data={})
    return at.evidence


def a_watcher_who_missed_the_end(at: Tampering) -> Evidence:
    assert at.report.transcript is not None
    at.report.transcript.pop()
    return at.evidence


def a_locked_thread(at: Tampering) -> Evidence:
    return at.with_thread(lock=ThreadLock(active_run="run_test"))


def a_line_that_is_not_empty(at: Tampering) -> Evidence:
    return at.with_thread(lock=ThreadLock(waiting=("run_other",)))


def a_thread_that_is_marked_as_deleted(at: Tampering) -> Evidence:
    return at.with_thread(lock=ThreadLock(deleted=True))


def a_thread_without_a_lock(at: Tampering) -> Evidence:
    return at.with_thread(lock=None)


def an_answer_before_its_question(at: Tampering) -> Evidence:
    first, second, *rest = at.thread.messages
    return at.with_thread(messages=(second, first, *rest))


def an_answer_to_another_question(at: Tampering) -> Evidence:
    return at.with_message(0, metadata={TAG: "chaos-1-run-2"})


def a_message_that_nobody_takes(at: Tampering) -> Evidence:
    return replace(at.evidence, left={"parked": 1})


@pytest.mark.parametrize(
    ("plant", "rules"),
    [
        (a_second_run_for_one_request, {"made once", "client", "records", "whole", "tools"}),
        (a_second_thread_for_one_request, {"made once"}),
        (a_lost_run, {"made once", "once", "order"}),
        (a_doubled_question, {"made once"}),
        (a_lost_question, {"made once", "order"}),
        (a_message_that_nobody_sent, {"made once"}),
        (steps_without_a_run, {"made once"}),
        (a_complaint, {"client"}),
        (a_client_that_knows_another_run, {"client"}),
        (a_run_that_never_ends, {"ended"}),
        (an_ended_run_with_a_lease, {"ended"}),
        (an_ended_run_in_another_phase, {"ended"}),
        (a_cancellation_that_was_promised, {"end"}),
        (an_unplanned_failure, {"end", "contract"}),
        (an_open_message, {"open", "records", "whole"}),
        (an_open_step, {"open", "records"}),
        (usage_that_is_counted_twice, {"usage", "records"}),
        (a_lost_batch, {"chain", "contract", "transcript"}),
        (a_doubled_batch, {"chain", "contract", "transcript"}),
        (a_log_that_ends_too_early, {"chain", "contract", "transcript"}),
        (a_log_that_is_gone, {"chain", "contract", "transcript"}),
        (a_run_behind_its_log, {"chain"}),
        (an_event_that_comes_twice, {"contract", "transcript"}),
        (a_lost_delta, {"chain", "contract", "transcript"}),
        (a_record_that_says_something_else, {"records"}),
        (a_message_that_is_not_stored, {"records", "whole"}),
        (a_message_that_was_not_told, {"records"}),
        (a_run_that_says_something_else, {"records"}),
        (a_lost_token, {"whole", "records"}),
        (a_doubled_token, {"whole", "records"}),
        (a_moved_token, {"whole", "records"}),
        (a_broken_message_with_a_strange_token, {"whole", "records"}),
        (a_call_that_was_not_planned, {"calls"}),
        (a_call_that_is_not_done, {"tools"}),
        (a_call_that_no_step_shows, {"tools"}),
        (a_call_whose_record_is_gone, {"tools", "once"}),
        (a_call_with_another_output_than_shown, {"tools"}),
        (a_success_that_the_service_did_not_give, {"tools"}),
        (a_call_that_acted_although_it_is_denied, {"tools", "once"}),
        (a_call_that_acted_twice, {"once"}),
        (a_call_that_never_acted, {"once"}),
        (an_act_without_a_call, {"once"}),
        (an_act_without_a_key, {"once"}),
        (outputs_that_were_taken_twice, {"functions"}),
        (outputs_that_nobody_gave, {"functions"}),
        (outputs_that_are_lost, {"functions"}),
        (an_output_of_somebody_else, {"functions", "records"}),
        (a_watcher_who_missed_an_event, {"transcript"}),
        (a_watcher_who_heard_something_else, {"transcript"}),
        (a_watcher_who_missed_the_end, {"transcript"}),
        (a_locked_thread, {"thread"}),
        (a_line_that_is_not_empty, {"thread"}),
        (a_thread_that_is_marked_as_deleted, {"thread"}),
        (a_thread_without_a_lock, {"thread"}),
        (an_answer_before_its_question, {"order"}),
        (an_answer_to_another_question, {"made once", "order"}),
        (a_message_that_nobody_takes, {"queues"}),
    ],
)
def test_a_planted_violation_is_found(plant: Plant, rules: set[str]) -> None:
    verdict = audit(plant(Tampering(sound_evidence())))
    assert set(verdict.broken()) == rules, "\n".join(map(str, verdict.violations))


def test_every_rule_has_its_plant() -> None:
    marks = test_a_planted_violation_is_found.pytestmark  # type: ignore[attr-defined]
    planted = [rules for mark in marks for _, rules in mark.args[1]]
    assert set().union(*planted) == RULES
