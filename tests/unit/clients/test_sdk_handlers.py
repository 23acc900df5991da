"""Subscriptions and the SDK's own handlers: where their streams end, and how they fail.

That they are told everything is shown with each version of the SDK, in `tests/contract`.
"""

import asyncio
from typing import Any

import pytest
from openai import AssistantEventHandler, AsyncAssistantEventHandler

from tests.support.told_run import AFTER_OUTPUTS, BEFORE_OUTPUTS, RUN, THREAD
from threadrunner_client import Event, StreamTimeout, Subscription
from threadrunner_client.async_subscription import AsyncMailbox, AsyncSubscription
from threadrunner_client.reading import NoMore, Reading
from threadrunner_client.subscription import Mailbox


def subscription(*items: Any, timeout: float | None = None) -> tuple[Subscription, list[str]]:
    """Return a subscription for which these items came, and what is done to it."""
    mailbox = Mailbox()
    mailbox.put(*items)
    done: list[str] = []
    events = Subscription(
        mailbox,
        Reading("pause"),
        (THREAD, RUN),
        timeout=timeout,
        fetch=lambda event: event,
        on_close=lambda: done.append("closed"),
    )
    return events, done


class Listener(AssistantEventHandler):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def on_timeout(self) -> None:
        self.told.append("timeout")

    def on_exception(self, exception: Exception) -> None:
        self.told.append(type(exception).__name__)

    def on_end(self) -> None:
        self.told.append("end")


def test_a_handler_serves_for_the_loop_up_to_where_the_run_waits() -> None:
    events, _ = subscription(*BEFORE_OUTPUTS, *AFTER_OUTPUTS, NoMore())
    seen = [event.event for event in events.feed(Listener())]
    assert seen == [event.event for event in BEFORE_OUTPUTS]
    assert list(events.feed(Listener()).text_deltas) == ["Clear", " skies."]
    assert events.last == AFTER_OUTPUTS[-1].id


def test_a_handler_takes_nothing_before_it_is_read() -> None:
    events, _ = subscription(*BEFORE_OUTPUTS)
    events.feed(Listener())
    assert events.last is None


def test_a_handler_is_given_one_loop_only() -> None:
    events, _ = subscription(*BEFORE_OUTPUTS, *AFTER_OUTPUTS)
    handler = events.feed(Listener())
    handler.until_done()
    with pytest.raises(RuntimeError, match="cannot be shared"):
        events.feed(handler)


def test_a_time_without_events_is_a_timeout_to_the_handler() -> None:
    events, _ = subscription(timeout=0.01)
    handler = events.feed(Listener())
    with pytest.raises(StreamTimeout):
        handler.until_done()
    assert handler.told == ["timeout", "StreamTimeout", "end"]


def test_closing_the_handler_closes_the_subscription() -> None:
    events, done = subscription(*BEFORE_OUTPUTS)
    events.feed(Listener()).close()
    assert done == ["closed"]


def test_an_asynchronous_handler_does_the_same() -> None:
    class AsyncListener(AsyncAssistantEventHandler):
        def __init__(self) -> None:
            super().__init__()
            self.told: list[str] = []

        async def on_timeout(self) -> None:
            self.told.append("timeout")

        async def on_end(self) -> None:
            self.told.append("end")

    async def fetch(event: Event) -> Event:
        return event

    async def play() -> None:
        mailbox, done = AsyncMailbox(), []
        mailbox.put(*BEFORE_OUTPUTS, *AFTER_OUTPUTS)
        events = AsyncSubscription(
            mailbox,
            Reading("pause"),
            (THREAD, RUN),
            timeout=0.01,
            fetch=fetch,
            on_close=lambda: done.append("closed"),
        )
        await events.feed(AsyncListener()).until_done()
        assert events.last == BEFORE_OUTPUTS[-1].id
        texts = [text async for text in events.feed(AsyncListener()).text_deltas]
        assert texts == ["Clear", " skies."]
        late = events.feed(AsyncListener())
        with pytest.raises(StreamTimeout):
            await late.until_done()
        assert late.told == ["timeout", "end"]
        await late.close()
        assert done == ["closed"]

    asyncio.run(play())
