"""A program that gives a subscription's events to handlers of the SDK, old and new.

    python -m tests.contract.handling PACKAGES

PACKAGES is where `websockets` is found, which the SDKs' environments lack. It prints, as JSON, what
each handler was told in each of the two loops over the run.
"""

import asyncio
import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

# Behind the environment's own packages, whose SDK it is about.
sys.path.append(sys.argv[1])
warnings.simplefilter("ignore")

import openai  # noqa: E402

from tests.support.told_run import AFTER_OUTPUTS, BEFORE_OUTPUTS, RUN, THREAD  # noqa: E402
from threadrunner_client.async_subscription import AsyncMailbox, AsyncSubscription  # noqa: E402
from threadrunner_client.reading import NoMore, Reading  # noqa: E402
from threadrunner_client.subscription import Mailbox, Subscription  # noqa: E402


class Notes:
    """Writes down what a handler is told, in words that both kinds of handlers share."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            self.told.append(" ".join([name, *(_brief(each) for each in arguments)]))

        return note


def _brief(value: Any) -> str:
    """Return the part of a value by which it is known again."""
    if getattr(value, "function", None) is not None:
        return str(value.function.arguments)
    if getattr(value, "value", None) is not None:
        return str(value.value)
    return str(getattr(value, "id", None) or "…")


_WATCHED = (
    *("on_end", "on_text_created", "on_text_delta", "on_text_done"),
    *("on_message_created", "on_message_done", "on_run_step_created", "on_run_step_done"),
    *("on_tool_call_created", "on_tool_call_delta", "on_tool_call_done", "on_exception"),
)


def _handler_class(base: type[Any], is_async: bool) -> type[Any]:
    """Return a handler that overrides the methods which a program would."""

    def method(name: str) -> Any:
        def on(self: Any, *arguments: Any) -> None:
            getattr(self.notes, name)(*arguments)

        async def on_async(self: Any, *arguments: Any) -> None:
            on(self, *arguments)

        return on_async if is_async else on

    return type("Handler", (base,), {name: method(name) for name in _WATCHED})


def tell_threaded() -> list[list[str]]:
    """Return what two handlers are told by a `Subscription`."""
    mailbox = Mailbox()
    mailbox.put(*BEFORE_OUTPUTS, *AFTER_OUTPUTS, NoMore())
    events = Subscription(
        mailbox,
        Reading("pause"),
        (THREAD, RUN),
        timeout=None,
        fetch=lambda event: event,
        on_close=lambda: None,
    )
    told = []
    for status in ("requires_action", "completed"):
        handler = _handler_class(openai.AssistantEventHandler, is_async=False)()
        handler.notes = Notes()
        assert events.feed(handler).get_final_run().status == status
        told.append(handler.notes.told)
    return told


async def tell_asynchronous() -> list[list[str]]:
    """Return what two handlers are told by an `AsyncSubscription`."""
    mailbox = AsyncMailbox()
    mailbox.put(*BEFORE_OUTPUTS, *AFTER_OUTPUTS, NoMore())

    async def fetch(event: Any) -> Any:
        return event

    events = AsyncSubscription(
        mailbox,
        Reading("pause"),
        (THREAD, RUN),
        timeout=None,
        fetch=fetch,
        on_close=lambda: None,
    )
    told = []
    for status in ("requires_action", "completed"):
        handler = _handler_class(openai.AsyncAssistantEventHandler, is_async=True)()
        handler.notes = Notes()
        assert (await events.feed(handler).get_final_run()).status == status
        told.append(handler.notes.told)
    return told


if __name__ == "__main__":
    threaded, asynchronous = tell_threaded(), asyncio.run(tell_asynchronous())
    print(json.dumps({"version": openai.__version__, "told": [threaded, asynchronous]}))
