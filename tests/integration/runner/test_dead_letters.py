"""Steps that cannot be carried out: their runs fail in the open."""

import json
from typing import Any

import pytest

from core.jobs import StepJob
from runner import dead_letters
from runner.dead_letters import bury
from tests.support.model import stop, text
from tests.support.world import TENANT, World


class _LambdaContext:
    function_name = "dead-letters"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:dead-letters"
    aws_request_id = "request"


def handle(body: str) -> dict[str, Any]:
    """Have the real handler consume a dead letter."""
    event = {"Records": [{"messageId": "m1", "body": body}]}
    answer: dict[str, Any] = dead_letters.handler(event, _LambdaContext())
    return answer


@pytest.mark.fault("step-fails")
def test_a_dead_letter_fails_its_run_and_frees_the_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "supervisor_context", lambda: world.runner)
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    job = world.queues.steps.pop()

    assert handle(job.model_dump_json()) == {"batchItemFailures": []}

    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.code == "server_error"
    assert world.names(run)[-1] == "run.failed"
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    assert handle(job.model_dump_json()) == {"batchItemFailures": []}, (
        "a second one changes nothing"
    )


@pytest.mark.fault("step-fails")
def test_a_letter_of_a_step_that_was_carried_out_after_all_changes_nothing(world: World) -> None:
    world.model.turn(*text("Done."), *stop())
    run = world.create_run(world.thread("Hi"))
    job = world.queues.steps[0]
    world.deliver_next()
    bury(world.runner, job)
    assert world.get(run).status == "completed"


@pytest.mark.fault("step-fails")
def test_a_letter_of_a_run_that_somebody_works_on_is_left_to_that_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.create_run(world.thread("Hi"))
    job = world.queues.steps.pop()
    seen: list[str] = []

    def look() -> None:
        bury(world.runner, job)
        seen.append(world.get(run).status)

    world.model.turn(look, *text("Done."), *stop())
    world.deliver(job)
    assert seen == ["in_progress"]
    assert world.get(run).status == "completed"


@pytest.mark.fault("message-unreadable")
def test_an_unreadable_letter_is_put_aside_and_an_unknown_run_ignored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "supervisor_context", lambda: world.runner)
    stranger = StepJob(tenant=TENANT, thread_id="thread_1", run_id="run_1", step_no=0)
    for body in ("not json", json.dumps({"v": 99}), stranger.model_dump_json()):
        assert handle(body) == {"batchItemFailures": []}


@pytest.mark.fault("table-out")
def test_a_table_that_fails_for_a_while_leaves_the_letter_for_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "supervisor_context", lambda: world.runner)
    world.create_run(world.thread("Hi"))
    job = world.queues.steps.pop()

    def broken(*_: Any) -> None:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(type(world.runner.runs), "get", broken)
        assert handle(job.model_dump_json()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
