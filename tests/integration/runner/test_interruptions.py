"""A runner that dies, and what the next one makes of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from core.event_log import EventId
from core.jobs import StepJob
from core.message_turns import joined_text
from core.model import ModelFailure
from core.paging import PageQuery
from core.records import RunPhase, RunRecord
from runner import step as runner_step
from runner.step import MAX_ATTEMPTS
from runner.turn import TurnStreamer
from tests.support.model import call, stop, text
from tests.support.world import TENANT, Killed, World, function_tool

LEASE_SECONDS = 30


@contextmanager
def held_back(first: Callable[[], object] = lambda: None) -> Iterator[Callable[[], None]]:
    """Give a hook at which the model does something and then falls silent until the block ends."""
    released = threading.Event()

    def hold() -> None:
        first()
        released.wait(30)

    yield hold
    released.set()


def die(*_: Any, **__: Any) -> None:
    """The process is killed here."""
    raise Killed


def kill_runner(world: World, job: StepJob) -> None:
    """Deliver a message to a runner that dies on the way: nothing deletes the message."""
    with pytest.raises(Killed):
        world.deliver(job)


def assert_consistent(world: World, run: RunRecord) -> None:
    """The log is one chain without gaps, and each object in it ends once."""
    batches = world.runner.event_log.read(TENANT, run.id)
    for before, after in pairwise(batches):
        assert after.after == before.last
    ended: list[tuple[str, str]] = []
    for _, event in world.events(run):
        status = event.name.rsplit(".", 1)[1]
        if status in ("completed", "incomplete", "failed", "cancelled", "expired"):
            ended.append((event.name.rsplit(".", 1)[0], event.data["id"]))
    assert len(ended) == len(set(ended))


@pytest.mark.fault("runner-after-claim")
def test_a_runner_killed_after_its_claim_is_replaced_by_redelivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.create_run(world.thread("Hi"))
    job = world.queues.steps.pop(0)
    with monkeypatch.context() as patch:
        patch.setattr(runner_step, "load_prompt", die)
        kill_runner(world, job)
    assert world.get(run).status == "in_progress"

    assert world.deliver(job, deliveries=2), "while the lease lives, the run is left alone"
    assert world.get(run).epoch == 1
    world.clock.advance(LEASE_SECONDS + 1)
    world.model.turn(*text("Here I am."), *stop())
    world.deliver(job, deliveries=3)

    assert world.get(run).status == "completed"
    assert world.names(run).count("run.in_progress") == 1
    assert_consistent(world, run)


@pytest.mark.fault("runner-after-delta")
def test_a_runner_killed_after_its_first_delta_leaves_an_incomplete_message_and_a_new_one_begins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    job = world.queues.steps.pop(0)
    flush = TurnStreamer.flush

    def flush_and_die(streamer: TurnStreamer) -> None:
        flush(streamer)
        raise Killed

    with monkeypatch.context() as patch, held_back() as gate:
        world.model.turn(*text("Half an "), gate, *text("answer."), *stop())
        patch.setattr(TurnStreamer, "flush", flush_and_die)
        kill_runner(world, job)
    assert world.names(run)[-1] == "message.delta"

    world.clock.advance(LEASE_SECONDS + 1)
    world.model.turn(*text("A whole answer."), *stop())
    world.deliver(job, deliveries=2)

    assert world.get(run).status == "completed"
    newest, broken, _ = world.runner.messages.list(TENANT, thread_id, PageQuery()).data
    assert broken.status == "incomplete"
    assert broken.incomplete_details is not None
    assert broken.incomplete_details.reason == "run_failed"
    assert broken.content[0].model_dump()["text"]["value"] == "Half an "
    assert newest.content[0].model_dump()["text"]["value"] == "A whole answer."
    steps = world.runner.objects.list_steps(TENANT, run.id, PageQuery(order="asc")).data
    assert [step.status for step in steps] == ["failed", "completed"]
    names = [name for name in world.names(run) if not name.endswith("delta")]
    taken_over = names.index("message.incomplete")
    assert names[taken_over : taken_over + 4] == [
        "message.incomplete",
        "run.step.failed",
        "run.step.created",
        "run.step.in_progress",
    ]
    # The model does not read its own broken words.
    assert len(world.model.requests[1].messages) == 2
    assert_consistent(world, run)


@pytest.mark.fault("runner-after-words")
def test_words_that_were_whole_before_a_call_stay_and_are_said_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id, tools=[function_tool("real")])
    job = world.queues.steps.pop(0)
    flush = TurnStreamer.flush

    def flush_and_die(streamer: TurnStreamer) -> None:
        flush(streamer)
        if "message.completed" in world.names(run):
            raise Killed

    with monkeypatch.context() as patch, held_back() as gate:
        world.model.turn(*text("Hm."), *call("real", "{}", "call_1"), gate, *stop("tool_calls"))
        patch.setattr(TurnStreamer, "flush", flush_and_die)
        kill_runner(world, job)

    world.clock.advance(LEASE_SECONDS + 1)
    world.model.turn(*text("Well."), *call("real", "{}", "call_1"), *stop("tool_calls"))
    world.deliver(job, deliveries=2)

    assert world.get(run).status == "requires_action"
    newest, first, _ = world.runner.messages.list(TENANT, thread_id, PageQuery()).data
    assert (newest.status, first.status) == ("completed", "completed")
    assert joined_text(first) == "Hm."
    assert joined_text(newest) == "Well."
    steps = world.runner.objects.list_steps(TENANT, run.id, PageQuery(order="asc")).data
    assert [(step.type, step.status) for step in steps] == [
        ("message_creation", "completed"),
        ("tool_calls", "failed"),
        ("message_creation", "completed"),
        ("tool_calls", "in_progress"),
    ]
    assert_consistent(world, run)


@pytest.mark.fault("step-kills-runners")
def test_a_step_that_kills_every_runner_fails_its_run_after_five_claims(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    monkeypatch.setattr(runner_step, "load_prompt", die)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        kill_runner(world, world.queues.steps.pop(0))
        assert world.get(run).attempts == attempt
        while not world.queues.steps:
            world.check_next()

    world.deliver_next()
    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.message == "The step was interrupted 5 times and is not tried again."
    assert world.names(run)[-1] == "run.failed"
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    assert_consistent(world, run)


@pytest.mark.fault("runner-before-dispatch", "message-twice", "message-late")
def test_a_runner_killed_after_its_commit_is_followed_by_the_dispatch_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.create_run(world.thread("Do"), tools=[function_tool("real")])
    job = world.queues.steps.pop(0)
    # All calls are refused, so that the next step follows at once.
    world.model.turn(*call("imagined", "{}", "call_1"), *stop("tool_calls"))
    with monkeypatch.context() as patch:
        patch.setattr(runner_step, "dispatch", die)
        kill_runner(world, job)
    assert world.get(run).step_no == 1
    assert not world.queues.steps

    world.deliver(job, deliveries=2)
    assert [sent.step_no for sent in world.queues.steps] == [1]
    assert len(world.model.requests) == 1, "the committed step was not repeated"

    world.model.turn(*text("Done."), *stop())
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert_consistent(world, run)


@pytest.mark.fault("runner-after-claim")
def test_the_check_replaces_a_killed_runner_without_any_redelivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.create_run(world.thread("Hi"))
    job = world.queues.steps.pop(0)
    with monkeypatch.context() as patch:
        patch.setattr(runner_step, "load_prompt", die)
        kill_runner(world, job)
    began = world.clock()
    while not world.queues.steps:
        world.check_next()
    assert world.clock() - began <= 45_000
    world.model.turn(*text("Here."), *stop())
    world.deliver_next()
    assert world.get(run).status == "completed"


def test_an_older_check_leaves_the_run_to_its_successor(world: World) -> None:
    run = world.create_run(world.thread("Hi"))
    (first, _), *_ = world.queues.checks
    world.model.turn(*call("real", "{}", "call_1"), *stop("tool_calls"))
    world.deliver_next()
    assert world.get(run).watch == 2
    world.queues.checks = [(first, 35)]
    world.check_next()
    assert world.queues.checks == [], "it neither acted nor armed itself again"


@pytest.mark.fault("api-before-transaction")
def test_a_check_whose_write_never_came_acts_on_nothing_but_stays_awake(world: World) -> None:
    run = world.create_run(world.thread("Hi"))
    early = world.queues.checks[0][0].model_copy(update={"watch": 2})
    world.queues.steps.clear()
    world.queues.checks = [(early, 35)]
    world.check_next()
    assert [job.watch for job, _ in world.queues.checks] == [2]
    assert not world.queues.steps
    assert world.get(run).status == "queued"


@pytest.mark.fault("zombie")
def test_a_zombie_writes_nothing_that_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    job = world.queues.steps.pop(0)
    commit = world.runner.writer.commit

    def overtaken(change: Any, cursor: Any, *, release: bool) -> RunRecord:
        """Another worker takes the run and finishes it while this one is about to commit."""
        if release and not world.model.requests[1:]:
            world.clock.advance(LEASE_SECONDS + 1)
            world.model.turn(*text("The successor's."), *stop())
            monkeypatch.setattr(type(world.runner.writer), "commit", original)
            world.deliver(job, deliveries=2)
        return commit(change, cursor, release=release)

    original = type(world.runner.writer).commit
    monkeypatch.setattr(
        type(world.runner.writer),
        "commit",
        lambda writer, change, cursor, *, release: overtaken(change, cursor, release=release),
    )
    world.model.turn(*text("The zombie's."), *stop())
    world.deliver(job)

    assert world.get(run).status == "completed"
    assert_consistent(world, run)
    completed = [
        message
        for message in world.runner.messages.list(TENANT, thread_id, PageQuery()).data
        if message.role == "assistant" and message.status == "completed"
    ]
    assert [m.content[0].model_dump()["text"]["value"] for m in completed] == ["The successor's."]


@pytest.mark.fault("model-reset-within")
def test_an_answer_that_breaks_off_is_begun_anew_at_once(world: World) -> None:
    run = world.create_run(world.thread("Hi"))
    job = world.queues.steps.pop(0)
    world.model.turn(*text("Hal"), ModelFailure("broke off", retryable=True))
    assert world.deliver(job) is False, "the message shall come back"
    assert world.queues.returned == [1]
    world.clock.advance(1)
    world.model.turn(*text("Whole."), *stop())
    world.deliver(job, deliveries=2)
    assert world.get(run).status == "completed"
    assert_consistent(world, run)


@pytest.mark.fault("model-reset-within")
def test_an_answer_that_always_breaks_off_fails_the_run_with_the_models_reason(
    world: World,
) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    job = world.queues.steps.pop(0)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        world.model.turn(*text("Hal"), ModelFailure("broke off", retryable=True))
        world.deliver(job, deliveries=attempt)
        world.clock.advance(1)
    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.message == "broke off"
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    assert_consistent(world, run)


@pytest.mark.fault("runner-out-of-time")
def test_a_function_that_runs_out_of_time_hands_the_run_over(world: World) -> None:
    run = world.create_run(world.thread("Hi"))
    job = world.queues.steps.pop(0)
    with held_back(lambda: world.clock.advance(25)) as gate:
        world.model.turn(*text("slow"), gate, *text("er"), *stop())
        assert world.deliver(job, remaining=21) is False, "the message shall come back"
    world.clock.advance(1)
    world.model.turn(*text("Quick."), *stop())
    world.deliver(job, deliveries=2)
    assert world.get(run).status == "completed"
    assert_consistent(world, run)


@pytest.mark.fault("cancel")
def test_a_run_that_was_cancelled_while_it_streamed_ends_cancelled(world: World) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)

    with held_back(lambda: world.runner.leases.request_cancel(world.get(run))) as gate:
        world.model.turn(*text("One "), gate, *text("two"), *stop())
        world.deliver_next()
    done = world.get(run)
    assert done.status == "cancelled"
    assert done.cancelled_at is not None
    assert world.names(run)[-4:] == [
        "run.cancelling",
        "message.incomplete",
        "run.step.cancelled",
        "run.cancelled",
    ]
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    assert_consistent(world, run)


@pytest.mark.fault("expiry")
def test_a_run_whose_client_never_answers_expires(world: World) -> None:
    thread_id = world.thread("Hi")
    world.model.turn(*call("real", "{}", "call_1"), *stop("tool_calls"))
    run = world.create_run(thread_id, tools=[function_tool("real")])
    world.deliver_next()
    assert world.get(run).phase is RunPhase.CLIENT
    for _ in range(50):
        if world.get(run).ended:
            break
        world.check_next()
    expired = world.get(run)
    assert expired.status == "expired"
    assert world.names(run)[-2:] == ["run.step.expired", "run.expired"]
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    assert_consistent(world, run)


@pytest.mark.fault("cancel")
def test_a_run_that_was_told_to_be_cancelling_is_cancelled_even_after_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.create_run(world.thread("Hi"))
    with monkeypatch.context() as patch:
        patch.setattr(runner_step, "load_prompt", die)
        kill_runner(world, world.queues.steps.pop(0))
    world.runner.leases.request_cancel(world.get(run))
    assert world.get(run).to_wire().status == "cancelling"
    world.clock.advance(601)
    world.check_next()
    assert world.get(run).status == "cancelled"
    assert world.names(run)[-2:] == ["run.cancelling", "run.cancelled"]


def test_the_event_ids_of_a_takeover_go_on_from_what_was_logged(world: World) -> None:
    run = world.create_run(world.thread("Hi"))
    world.model.turn(*text("Hi"), *stop())
    world.deliver_next()
    ids = [event_id for event_id, _ in world.events(run)]
    assert ids == sorted(set(ids))
    assert ids[0] == EventId(0, 0)
