"""One session of chaos on a running stack: clients talk, the killer kills, the tables are read."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, Final

from infra.local.info import StackInfo
from tests.chaos.api_client import ApiClient, Traffic
from tests.chaos.conversing import ConversationClient, Offer
from tests.chaos.killer import Killer
from tests.chaos.notes import Notes, notes_service
from tests.chaos.picture import Evidence
from tests.chaos.plan import Conversation, plan_conversations
from tests.chaos.reading import read_picture, wait_for_queues
from tests.chaos.recoveries import ModelLedger, interruptions, port_of
from tests.chaos.reports import RunReport
from tests.chaos.summary import Session
from tests.chaos.watching import Watchers
from tests.chaos.workers import FUNCTIONS

# A run that is given no time expires after ten minutes: one that goes on after that never ends.
PATIENCE_SECONDS: Final = 660
_LAST_EVENTS_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Options:
    """What makes a session.

    Attributes:
        seed: what everything is drawn from.
        runs: how many.
        at_once: how many conversations are held at the same time.
        mean_seconds: between two kills.
        functions: whose workers are killed.
        kinds: of which kinds the runs are; None for all.
        quiet_seconds: how long to wait for messages that come again after their worker was killed.
    """

    seed: int
    runs: int
    at_once: int
    mean_seconds: float
    functions: Sequence[str] = FUNCTIONS
    kinds: Sequence[str] | None = None
    quiet_seconds: float = 0


def run_session(
    info: StackInfo,
    marker: str,
    options: Options,
    say: Callable[[str], None] = lambda _text: None,
) -> Session:
    """Hold the conversations while workers are killed; return what that leaves.

    Args:
        info: the stack.
        marker: its directory.
        options: what makes the session.
        say: is told what is going on, one short line at a time.
    """
    name = f"chaos-{options.seed}"
    conversations = plan_conversations(name, Random(options.seed), options.runs, options.kinds)
    began = time.monotonic()
    killer = Killer(
        info,
        marker,
        Random(f"{options.seed} kills"),
        mean_seconds=options.mean_seconds,
        functions=options.functions,
        say=say,
    )
    ledger, traffic = ModelLedger(info), Traffic()
    with notes_service() as notes:
        offer = _prepare(info, notes)
        ledger.start()
        killer.start()
        try:
            watchers = Watchers(info)
            talk = _Talk(info, offer, watchers, traffic, killer, say)
            reports = talk.hold(conversations, options.at_once)
            watchers.finish(_LAST_EVENTS_SECONDS)
        finally:
            killer.stop()
        say("all conversations are over; waiting for the queues")
        left = wait_for_queues(
            info, max(options.quiet_seconds, 10), in_flight=options.quiet_seconds > 0
        )
        seconds = time.monotonic() - began
        say("reading the tables")
        picture = read_picture(info, name)
        evidence = Evidence(conversations, reports, picture, notes.counts(), left)
        hits = interruptions(killer.kills, ledger.close(), port_of(info.model.base_url))
        return Session(evidence, killer.kills, hits, traffic, seconds)


class _Talk:
    """All conversations of a session."""

    def __init__(
        self,
        info: StackInfo,
        offer: Offer,
        watchers: Watchers,
        traffic: Traffic,
        killer: Killer,
        say: Callable[[str], None],
    ) -> None:
        self._info = info
        self._offer = offer
        self._watchers = watchers
        self._traffic = traffic
        self._killer = killer
        self._say = say
        self._begun = count(1)

    def hold(self, conversations: Sequence[Conversation], at_once: int) -> list[RunReport]:
        """Hold them; the killer stops when the last one has begun, so that all can end."""
        total = len(conversations)

        def hold_one(conversation: Conversation) -> list[RunReport]:
            number = next(self._begun)
            if number % 10 == 0 or number == total:
                self._say(f"conversation {number} of {total} begins")
            if number == total:
                self._killer.stop()
            return self._hold_one(conversation)

        with ThreadPoolExecutor(at_once) as pool:
            return [report for held in pool.map(hold_one, conversations) for report in held]

    def _hold_one(self, conversation: Conversation) -> list[RunReport]:
        info = self._info
        base_url = info.base_url if conversation.way == "uvicorn" else info.gateway_base_url
        deadline = time.monotonic() + PATIENCE_SECONDS * len(conversation.runs)
        api = ApiClient(base_url, info.api_key, self._traffic, deadline)
        client = ConversationClient(api, conversation, self._offer, self._watchers)
        try:
            client.hold()
        finally:
            api.close()
        return client.reports


def _prepare(info: StackInfo, notes: Notes) -> Offer:
    """Make the assistant and the action, before anybody is killed."""
    api = ApiClient(info.base_url, info.api_key, Traffic(), time.monotonic() + PATIENCE_SECONDS)
    assistant = api.sdk.beta.assistants.create(model=info.model.name)
    body = {"openapi_schema": notes.document}
    actions: Any = api.sdk.post("/actions", body=body, cast_to=object)
    (action,) = actions["data"]
    api.close()
    return Offer(assistant.id, {"type": "action", "id": action["id"]})
