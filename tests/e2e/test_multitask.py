"""More than one run for a thread, on the emulator: its transactions decide races for real."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import pytest
from openai import BadRequestError

from infra.local.info import StackInfo
from tests.support.service import Service, script, tokens

RACERS = 20


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service."""
    return Service(stack, stack.base_url)


def test_enqueued_runs_answer_one_by_one_in_their_order(service: Service) -> None:
    turn = {"text": {"tokens": 20}, "rate": 20}
    thread_id = service.thread(script(turn))
    more = [
        [{"role": "user", "content": script({"text": f"Answer {number}."})}] for number in range(2)
    ]
    runs = [service.start(thread_id)]
    for messages in more:
        extra = {"multitask_strategy": "enqueue"}
        runs.append(service.start(thread_id, additional_messages=messages, extra_body=extra))
    ended = [service.wait(run, 120) for run in runs]
    assert [run.status for run in ended] == ["completed"] * 3
    for before, after in pairwise(ended):
        assert before.completed_at is not None
        assert after.started_at is not None
        assert before.completed_at <= after.started_at
    page = service.sdk.beta.threads.messages.list(thread_id, order="asc").data
    said = [part.text.value for found in page for part in found.content if part.type == "text"]
    assert said[1:] == [
        tokens(20),
        more[0][0]["content"],
        "Answer 0.",
        more[1][0]["content"],
        "Answer 1.",
    ]


def test_an_interrupt_takes_over_from_a_slow_answer(service: Service) -> None:
    slow = service.start(service.thread(script({"text": {"tokens": 600}, "rate": 10})))
    while service.run(slow).status != "in_progress":
        time.sleep(0.1)
    asked = time.monotonic()
    run = service.start(
        slow.thread_id,
        additional_messages=[{"role": "user", "content": script({"text": "Here."})}],
        extra_body={"multitask_strategy": "interrupt"},
    )
    assert run.status == "queued"
    assert service.wait(run).status == "completed"
    assert time.monotonic() - asked < 20, "the slow answer takes a minute"
    assert service.run(slow).status == "cancelled"


def test_of_many_that_race_for_a_thread_one_wins_and_the_others_are_told_who(
    service: Service,
) -> None:
    thread_id = service.thread(script({"text": {"tokens": 40}, "rate": 10}))
    assistant_id = service.assistant.id
    sdk = service.sdk.with_options(max_retries=0)
    start = Barrier(RACERS)

    def race(_number: int) -> tuple[bool, str]:
        start.wait()
        try:
            made = sdk.beta.threads.runs.create(thread_id, assistant_id=assistant_id)
        except BadRequestError as refusal:
            assert isinstance(refusal.body, dict)
            return False, str(refusal.body["message"])
        return True, made.id

    with ThreadPoolExecutor(RACERS) as pool:
        outcomes = list(pool.map(race, range(RACERS)))
    (winner,) = [run_id for won, run_id in outcomes if won]
    told = {sentence for won, sentence in outcomes if not won}
    assert told == {f"Thread {thread_id} already has an active run {winner}."}
    runs = service.sdk.beta.threads.runs.list(thread_id).data
    assert [run.id for run in runs] == [winner]
