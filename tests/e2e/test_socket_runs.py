"""Runs that are created over sockets which break, opened with tickets: each exists once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.local.info import StackInfo
from tests.support.cutting_proxy import CuttingProxy
from tests.support.service import Service, script, text_of, tokens
from threadrunner_client import AsyncClient, Client, Event, Timing

# Of each front.
RUNS = 8
TOKENS = 20
LOST_ANSWERS = 6
CUT_EVERY_SECONDS = 2
PATIENCE_SECONDS = 120
TIMING = Timing(first_delay=0.05, longest_delay=1, give_up_after=PATIENCE_SECONDS)
Told = tuple[str, str, list[Event]]


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service."""
    return Service(stack, stack.base_url)


def get_ticket(service: Service) -> str:
    """Return a fresh ticket."""
    answer: Any = service.sdk.post("/realtime/tickets", cast_to=object)
    ticket: str = answer["ticket"]
    return ticket


def create_in_threads(service: Service, url: str, threads: list[str]) -> list[Told]:
    """Create a run on each thread with one client; return what is told of it."""
    run = {"assistant_id": service.assistant.id}
    with Client(url, ticket=lambda: get_ticket(service), timing=TIMING) as client:

        def create(thread_id: str) -> Told:
            with client.create_run(
                thread_id=thread_id, run=run, timeout=PATIENCE_SECONDS
            ) as events:
                return thread_id, events.run_id, list(events)

        with ThreadPoolExecutor(len(threads)) as pool:
            return list(pool.map(create, threads))


async def create_in_tasks(service: Service, url: str, threads: list[str]) -> list[Told]:
    """Create a run on each thread with one client; return what is told of it."""
    run = {"assistant_id": service.assistant.id}

    async def ticket() -> str:
        return await asyncio.to_thread(get_ticket, service)

    async with AsyncClient(url, ticket=ticket, timing=TIMING) as client:

        async def create(thread_id: str) -> Told:
            async with client.create_run(
                thread_id=thread_id, run=run, timeout=PATIENCE_SECONDS
            ) as events:
                return thread_id, events.run_id, [event async for event in events]

        return await asyncio.gather(*map(create, threads))


def test_a_run_created_over_a_socket_that_breaks_exists_once_and_is_told_whole(
    service: Service, stack: StackInfo
) -> None:
    turn = {"text": {"tokens": TOKENS}, "rate": TOKENS}
    with (
        ThreadPoolExecutor(1) as pool,
        CuttingProxy(
            stack.websocket_url, every=CUT_EVERY_SECONDS, lost_answers=LOST_ANSWERS
        ) as proxy,
    ):
        threads = [service.thread(script(turn)) for _ in range(2 * RUNS)]
        in_threads = pool.submit(create_in_threads, service, proxy.url, threads[:RUNS])
        told = asyncio.run(create_in_tasks(service, proxy.url, threads[RUNS:]))
        told += in_threads.result()
    assert proxy.cuts >= LOST_ANSWERS
    for thread_id, run_id, events in told:
        [run] = service.sdk.beta.threads.runs.list(thread_id).data
        assert run.id == run_id
        assert text_of(events) == tokens(TOKENS)
        assert [event.id for event in events] == service.logged(run)


def test_a_run_and_its_thread_are_created_in_one_request(service: Service) -> None:
    content = script({"text": "Aye."})
    body = {
        "assistant_id": service.assistant.id,
        "thread": {"messages": [{"role": "user", "content": content}]},
    }
    with (
        Client(service.info.websocket_url, service.info.api_key) as client,
        client.create_run(run=body, timeout=PATIENCE_SECONDS) as events,
    ):
        assert text_of(list(events)) == "Aye."
    run = service.sdk.beta.threads.runs.retrieve(events.run_id, thread_id=events.thread_id)
    assert run.status == "completed"
    assert events.run is not None
    assert events.run["id"] == run.id
