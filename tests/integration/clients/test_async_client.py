"""What only an asynchronous caller does: it cancels, and it shares one event loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from tests.integration.clients.fake_gateway import (
    PATIENCE_SECONDS,
    RUN,
    THREAD,
    FakeGateway,
    event,
    served,
)
from tests.integration.clients.test_client_references import running_api, whole
from threadrunner_client import AsyncClient, ConnectionLost, StreamTimeout, Timing

KEY = "tr-key"
TIMING = Timing(
    first_delay=0.01,
    longest_delay=0.05,
    gap_wait=0.05,
    reply_timeout=PATIENCE_SECONDS,
    give_up_after=PATIENCE_SECONDS,
)
DONE = event("9-0", "thread.run.completed")


def client_of(gateway: FakeGateway, timing: Timing = TIMING, **options: Any) -> AsyncClient:
    return AsyncClient(gateway.url, KEY, timing=timing, **options)


def play(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test in a loop of its own, in which it may leave nothing behind."""

    async def run() -> None:
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            await test()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert left == set(), "the client left tasks behind"

    asyncio.run(run())


async def until(happened: threading.Event) -> None:
    """Wait for the other side, in good time."""
    assert await asyncio.to_thread(happened.wait, PATIENCE_SECONDS)


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_loop_that_is_cancelled_loses_no_event() -> None:
    cancelled = threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"), event("1-1"))
        assert cancelled.wait(PATIENCE_SECONDS)
        connection.push("1-1", event("1-2"), DONE)

    with served(script) as gateway:

        async def test() -> None:
            came: list[str] = []
            async with (
                client_of(gateway) as client,
                client.subscribe(thread_id=THREAD, run_id=RUN) as events,
            ):

                async def read() -> None:
                    async for each in events:
                        came.append(each.id)

                reader = asyncio.create_task(read())
                while len(came) < 2:
                    await asyncio.sleep(0)
                await cancel(reader)
                cancelled.set()
                await read()
            assert came == ["1-0", "1-1", "1-2", "9-0"]

        play(test)


def test_an_event_that_comes_at_the_moment_of_the_cancellation_is_not_lost() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        for number in range(200):
            connection.push(f"1-{number - 1}" if number else None, event(f"1-{number}"))
        connection.push("1-199", DONE)

    with served(script) as gateway:

        async def test() -> None:
            came: list[str] = []
            async with (
                client_of(gateway) as client,
                client.subscribe(thread_id=THREAD, run_id=RUN, timeout=PATIENCE_SECONDS) as events,
            ):

                async def read() -> None:
                    async for each in events:
                        came.append(each.id)
                        await asyncio.sleep(0)

                while came[-1:] != ["9-0"]:
                    reader = asyncio.create_task(read())
                    for _ in range(3):
                        await asyncio.sleep(0)
                    reader.cancel()
                    await asyncio.wait([reader])
            assert came == [*(f"1-{number}" for number in range(200)), "9-0"]

        play(test)


def test_a_fetch_that_is_cancelled_is_made_again() -> None:
    asked, answer = threading.Event(), threading.Event()
    href = f"/v1/threads/{THREAD}/runs/{RUN}/events?after=1-0&limit=1"
    big = {"id": "1-1", "event": "thread.message.completed", "data": None, "href": href}

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"), big, DONE)

    def hold() -> None:
        asked.set()
        assert answer.wait(PATIENCE_SECONDS)

    with served(script) as gateway, running_api((200, whole(text="long")), before=hold) as api:

        async def test() -> None:
            async with (
                client_of(gateway, base_url=api.base_url) as client,
                client.subscribe(thread_id=THREAD, run_id=RUN) as events,
            ):
                first = await anext(aiter(events))
                waiting = asyncio.create_task(_next(events))
                await until(asked)
                await cancel(waiting)
                answer.set()
                rest = [each async for each in events]
            assert [each.id for each in [first, *rest]] == ["1-0", "1-1", "9-0"]
            assert rest[0].data == {"text": "long"}

        play(test)
    assert len(api.asked) == 2


async def _next(events: Any) -> Any:
    return await anext(aiter(events))


def test_the_loop_is_not_held_up_while_a_large_event_is_fetched() -> None:
    beats = threading.Event()
    href = "/v1/threads/thread_1/runs/run_1/events?limit=1"
    big = {"id": "1-1", "event": "thread.message.completed", "data": None, "href": href}

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, big, DONE)

    def hold() -> None:
        # Nobody sets it but the loop, while it waits for this answer.
        assert beats.wait(PATIENCE_SECONDS)

    with served(script) as gateway, running_api((200, whole()), before=hold) as api:

        async def test() -> None:
            async with (
                client_of(gateway, base_url=api.base_url) as client,
                client.subscribe(thread_id=THREAD, run_id=RUN) as events,
            ):
                reading = asyncio.create_task(_ids(events))
                await asyncio.sleep(0)
                beats.set()
                assert await reading == ["1-1", "9-0"]

        play(test)


async def _ids(events: Any) -> list[str]:
    return [each.id async for each in events]


def test_a_client_that_is_closed_while_it_reconnects_leaves_nothing_behind() -> None:
    gone = threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        gateway.refusals.extend([503] * 1000)
        connection.cut()
        gone.set()

    with served(script) as gateway:

        async def test() -> None:
            async with client_of(gateway) as client:
                events = await client.subscribe(thread_id=THREAD, run_id=RUN)
                await until(gone)
                while gateway.handshakes < 4:
                    await asyncio.sleep(0.01)
                reading = asyncio.create_task(_ids(events))
            assert await reading == []

        play(test)


def test_entering_can_be_cancelled_while_no_server_answers() -> None:
    with served() as gateway:
        gateway.refusals.extend([503] * 1000)

        async def test() -> None:
            client = client_of(gateway)
            entering = asyncio.create_task(client.__aenter__())
            while gateway.handshakes < 2:
                await asyncio.sleep(0.01)
            await cancel(entering)
            with pytest.raises(ConnectionLost, match="not open"):
                await client.subscribe(thread_id=THREAD)

        play(test)


def test_a_subscription_whose_request_is_cancelled_is_taken_back() -> None:
    asked = threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.expect(action="subscribe", run_id=RUN)
        asked.set()
        connection.expect(action="unsubscribe", run_id=RUN)
        asked.clear()

    with served(script) as gateway:

        async def test() -> None:
            async with client_of(gateway) as client:
                subscribing = asyncio.create_task(
                    _value(client.subscribe(thread_id=THREAD, run_id=RUN))
                )
                await until(asked)
                await cancel(subscribing)
                while asked.is_set():
                    await asyncio.sleep(0.01)

        play(test)


async def _value(opening: Awaitable[Any]) -> Any:
    return await opening


def test_a_run_whose_creation_is_cancelled_is_not_followed() -> None:
    asked, left = threading.Event(), threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="run.create")
        asked.set()
        assert left.wait(PATIENCE_SECONDS)
        made: dict[str, Any] = {"thread_id": THREAD, "run_id": RUN, "run": {}, "last": None}
        connection.say({"type": "run.created", "id": request["id"], **made})
        connection.expect(action="unsubscribe", thread_id=THREAD, run_id=RUN)
        asked.clear()

    with served(script) as gateway:

        async def test() -> None:
            async with client_of(gateway) as client:
                creating = asyncio.create_task(_value(client.create_run(run={})))
                await until(asked)
                await cancel(creating)
                left.set()
                while asked.is_set():
                    await asyncio.sleep(0.01)

        play(test)


def test_many_tasks_share_one_connection_and_each_gets_its_own_events() -> None:
    runs = [f"run_{number}" for number in range(50)]

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        for _ in runs:
            run = connection.accept()["run_id"]
            connection.push(None, event("1-0", run=run), DONE, run=run)

    with served(script) as gateway:

        async def test() -> None:
            async with client_of(gateway) as client:

                async def read(run: str) -> list[dict[str, Any]]:
                    async with client.subscribe(thread_id=THREAD, run_id=run) as events:
                        return [each.data async for each in events]

                came = await asyncio.gather(*map(read, runs))
            assert came == [[{"run": run}, {}] for run in runs]
            assert gateway.handshakes == 1

        play(test)


def test_a_ticket_may_come_from_an_asynchronous_function_that_is_given_time_only_to_connect() -> (
    None
):
    calls = 0

    async def get() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        return "t"

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        assert connection.path == "/live?ticket=t"
        connection.accept()
        connection.push(None, DONE)

    with served(script) as gateway:

        async def test() -> None:
            timing = Timing(connect_timeout=0.2, first_delay=0.01)
            async with (
                AsyncClient(gateway.url, ticket=get, timing=timing) as client,
                client.subscribe(thread_id=THREAD, run_id=RUN) as events,
            ):
                assert await _ids(events) == ["9-0"]

        play(test)
    assert calls == 2


def test_a_timeout_of_the_caller_and_one_of_the_subscription_both_lose_nothing() -> None:
    timed_out = threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        assert timed_out.wait(PATIENCE_SECONDS)
        connection.push(None, DONE)

    with served(script) as gateway:

        async def test() -> None:
            async with (
                client_of(gateway) as client,
                client.subscribe(thread_id=THREAD, run_id=RUN, timeout=0.05) as events,
            ):
                with pytest.raises(StreamTimeout, match=r"No event came for 0\.05 s\."):
                    await _ids(events)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await _ids(events)
                timed_out.set()
                came: list[str] = []
                while not came:
                    try:
                        came = await _ids(events)
                    except StreamTimeout:
                        continue
                assert came == ["9-0"]

        play(test)


def test_a_client_can_be_entered_once() -> None:
    def script(gateway: FakeGateway) -> None:
        gateway.next_connection().wait_until_closed()

    with served(script) as gateway:

        async def test() -> None:
            client = client_of(gateway)
            async with client:
                pass
            with pytest.raises(RuntimeError, match="entered once"):
                await client.__aenter__()

        play(test)
