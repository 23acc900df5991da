"""Conversations drawn from a seed."""

from random import Random

import pytest

from infra.local.scripted_model.script import parse_script
from tests.chaos.plan import Conversation, plan_conversations

RUNS = 300


def draw(seed: int, runs: int = RUNS) -> list[Conversation]:
    """Return the conversations of a seed."""
    return plan_conversations(f"chaos-{seed}", Random(seed), runs)


def test_a_seed_gives_the_same_conversations_again_and_another_one_others() -> None:
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


@pytest.mark.parametrize("runs", [1, 2, 3, 7, RUNS])
def test_there_are_as_many_runs_as_asked_for(runs: int) -> None:
    assert sum(len(conversation.runs) for conversation in draw(7, runs)) == runs


def test_every_kind_of_run_and_every_strategy_comes_up() -> None:
    conversations = draw(7)
    plans = [plan for conversation in conversations for plan in conversation.runs]
    kinds = {plan.kind for plan in plans}
    assert kinds >= {"plain", "long", "function", "action", "both", "two-rounds", "refused"}
    assert kinds >= {"broken", "cancelled", "unanswered", "waiting", "interrupting"}
    assert {plan.strategy for plan in plans} == {"reject", "enqueue", "interrupt"}
    assert {conversation.way for conversation in conversations} == {"gateway", "uvicorn"}
    assert {plan.watch_after is None for plan in plans} == {True, False}


def test_only_the_kinds_that_are_asked_for_are_drawn() -> None:
    drawn = plan_conversations("chaos-1", Random(1), 40, kinds=("plain", "action"))
    alone = [each.runs for each in drawn if not each.in_line]
    assert {plan.kind for runs in alone for plan in runs} == {"plain", "action"}


def test_tags_and_calls_are_unlike_each_other() -> None:
    conversations = draw(7)
    plans = [plan for conversation in conversations for plan in conversation.runs]
    tags = [conversation.tag for conversation in conversations] + [plan.tag for plan in plans]
    calls = [(call.name, call.raw_arguments) for plan in plans for call in plan.calls]
    assert len(tags) == len(set(tags))
    assert len(calls) == len(set(calls))


def test_the_scripted_model_understands_every_question() -> None:
    for conversation in draw(7):
        for plan in conversation.runs:
            script = parse_script(plan.question)
            assert script is not None
            assert script.name == plan.tag
            assert len(script.turns) == len(plan.turns)
            for turn, planned in zip(script.turns, plan.turns, strict=True):
                calls = [(call.name, call.raw_arguments) for call in turn.calls]
                assert calls == [(call.name, call.raw_arguments) for call in planned.calls]
                assert (turn.text is None) == (planned.count == 0)


def test_ends_follow_from_the_plan() -> None:
    plans = [plan for conversation in draw(7) for plan in conversation.runs]
    ends = {plan.kind: plan.ends for plan in plans if not plan.interrupted}
    assert ends["plain"] == ends["refused"] == ends["interrupting"] == {"completed"}
    assert ends["cancelled"] == {"completed", "cancelled"}
    assert ends["unanswered"] == {"expired"}
    assert {plan.ends for plan in plans if plan.interrupted} == {frozenset(ends["cancelled"])}
