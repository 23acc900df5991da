"""WebSocket connections that are reset all the time, and transcripts that are whole all the same.

Fifty runs are followed at once, while the emulator's ten runners answer ten at a time.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from openai.types.beta.threads import Run

from infra.local.info import StackInfo
from tests.support.cutting_proxy import CuttingProxy
from tests.support.service import Service, script, text_of, tokens
from threadrunner_client import AsyncClient, Client, Event, Timing

RUNS = 50
# Of each front; each client follows as many runs as the others.
CLIENTS = 5
# Slow enough for one machine to push a hundred tokens a second, and to be asked again for each
# subscription of a connection that is cut.
TOKENS = 40
TOKENS_PER_SECOND = 10
CUT_EVERY_SECONDS = 0.4
PATIENCE_SECONDS = 120
TIMING = Timing(first_delay=0.05, longest_delay=1, give_up_after=PATIENCE_SECONDS)


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service."""
    return Service(stack, stack.base_url)


def follow_in_threads(service: Service, url: str, runs: Sequence[Run]) -> list[list[Event]]:
    """Return what is seen of each run, by threads that share some clients."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Client(url, service.info.api_key, timing=TIMING))
            for _ in range(CLIENTS)
        ]

        def read(number: int) -> list[Event]:
            run, client = runs[number], clients[number % CLIENTS]
            with client.subscribe(
                thread_id=run.thread_id, run_id=run.id, timeout=PATIENCE_SECONDS
            ) as events:
                return list(events)

        with ThreadPoolExecutor(len(runs)) as pool:
            return list(pool.map(read, range(len(runs))))


async def follow_in_tasks(service: Service, url: str, runs: Sequence[Run]) -> list[list[Event]]:
    """Return what is seen of each run, by tasks that share some clients."""

    async def share(runs: Sequence[Run]) -> list[list[Event]]:
        async with AsyncClient(url, service.info.api_key, timing=TIMING) as client:

            async def read(run: Run) -> list[Event]:
                async with client.subscribe(
                    thread_id=run.thread_id, run_id=run.id, timeout=PATIENCE_SECONDS
                ) as events:
                    return [event async for event in events]

            return await asyncio.gather(*map(read, runs))

    shares = [runs[number::CLIENTS] for number in range(CLIENTS)]
    seen = await asyncio.gather(*map(share, shares))
    by_run = {
        run.id: events
        for share_runs, share_seen in zip(shares, seen, strict=True)
        for run, events in zip(share_runs, share_seen, strict=True)
    }
    return [by_run[run.id] for run in runs]


@pytest.mark.fault("socket-cut")
def test_fifty_transcripts_are_whole_though_a_socket_is_cut_every_400_ms(
    service: Service, stack: StackInfo
) -> None:
    turn = {"text": {"tokens": TOKENS}, "rate": TOKENS_PER_SECOND}
    with (
        ThreadPoolExecutor(8) as pool,
        CuttingProxy(stack.websocket_url, every=CUT_EVERY_SECONDS) as proxy,
    ):
        threads = list(pool.map(service.thread, [script(turn) for _ in range(RUNS)]))
        runs = list(pool.map(service.start, threads))
        half = RUNS // 2
        in_threads = pool.submit(follow_in_threads, service, proxy.url, runs[:half])
        in_tasks = asyncio.run(follow_in_tasks(service, proxy.url, runs[half:]))
        seen = [*in_threads.result(), *in_tasks]
        cuts = proxy.cuts
    for run, events in zip(runs, seen, strict=True):
        assert text_of(events) == tokens(TOKENS)
        assert events[-1].event == "thread.run.completed"
        assert [event.id for event in events] == service.logged(run)
    # Most connections were cut more than once, or this shows little.
    assert cuts > 4 * CLIENTS
