"""A run ends before its time in whatever state it is: what its clients see, and what is left."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from core.dispatch import step_job
from core.event_log import Batch
from core.jobs import CheckJob
from core.records import RunPhase, RunRecord
from runner.dead_letters import bury
from runner.timers import check
from runner.turn import TurnStreamer
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.api import api_context_of, make_project_key
from tests.support.model import call, stop, text
from tests.support.story import story_of
from tests.support.tools import ScriptedTool, offer_action
from tests.support.world import TENANT, Killed, World
from wiring.bootstrap import ApiContext

LEASE_SECONDS = 30
RUN_SECONDS = 600


@dataclass
class Scene:
    """A run that gets into a state, and is ended there by `end`.

    Attributes:
        client: of the run's project.
        world: the run's.
        patch: undone after the test.
        assistant, thread, run_id: which run.
        end: ends it.
        said: set once clients have seen a piece of the answer.
        over: set when the model need not be held up any longer.
    """

    client: TestClient
    world: World
    patch: pytest.MonkeyPatch
    assistant: str
    thread: str
    run_id: str
    end: Callable[[], None] = lambda: None
    is_streaming: bool = False
    said: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def path(self) -> str:
        """The run's path."""
        return f"/v1/threads/{self.thread}/runs/{self.run_id}"

    @property
    def run(self) -> RunRecord:
        """The run as it is stored."""
        found = self.world.runner.runs.get(TENANT, self.thread, self.run_id)
        assert found is not None
        return found

    def check(self) -> None:
        """The check that is responsible for the run comes due."""
        run = self.run
        job = CheckJob(tenant=TENANT, thread_id=self.thread, run_id=run.id, watch=run.watch)
        check(self.world.runner, job)

    # ---- states ---------------------------------------------------------------------------------

    def queued(self) -> None:
        """Nobody has begun."""
        self.end()

    def waiting(self) -> None:
        """Another run has the thread."""
        first = self.path
        run = make_run(self.client, self.thread, self.assistant, multitask_strategy="enqueue")
        self.run_id = run["id"]
        assert self.run.phase is RunPhase.WAITING
        self.end()
        assert created(self.client.post(f"{first}/cancel"))["status"] == "cancelled"

    def streaming(self) -> None:
        """A worker is in the middle of an answer."""
        self.patch.setattr("runner.turn._LOOK_SECONDS", 0.02)
        self.is_streaming = True

        def come_between() -> None:
            assert self.said.wait(10)
            self.end()
            self._hold()

        self.world.model.turn(*text("Well"), come_between, *text(", I"), *stop())
        self.world.deliver_next()
        self.over.set()

    def left_by_its_worker(self) -> None:
        """The worker was killed in the middle of an answer, and its lease is over."""
        flush = TurnStreamer.flush

        def flush_and_die(streamer: TurnStreamer) -> None:
            flush(streamer)
            raise Killed

        self.world.model.turn(*text("Well"), self._hold, *stop())
        with self.patch.context() as patch, pytest.raises(Killed):
            patch.setattr(TurnStreamer, "flush", flush_and_die)
            self.world.deliver_next()
        self.over.set()
        self.world.clock.advance(LEASE_SECONDS + 1)
        self.end()

    def calling(self) -> None:
        """Its tools are at work."""
        self._call("look_up")
        assert self.run.phase is RunPhase.TOOLS
        self.end()

    def between_steps(self) -> None:
        """Its tools have answered, and the next step has not begun."""
        self._call("look_up")
        self.world.execute_next()
        assert (self.run.status, self.run.phase) == ("in_progress", RunPhase.READY)
        self.end()

    def asking(self) -> None:
        """It requires action."""
        self._call("get_weather")
        assert self.run.status == "requires_action"
        self.end()

    def _hold(self) -> None:
        self.over.wait(10)

    def _call(self, name: str) -> None:
        self.world.model.turn(*call(name, "{}", "call_1"), *stop("tool_calls"))
        self.world.deliver_next()

    # ---- ends -----------------------------------------------------------------------------------

    def cancelled(self) -> None:
        """A client cancels the run."""
        status = created(self.client.post(f"{self.path}/cancel"))["status"]
        assert status == ("cancelling" if self.is_streaming else "cancelled")

    def expired(self) -> None:
        """The run's time is over: who works on it sees that, else its check."""
        self.world.clock.advance(RUN_SECONDS + 1)
        if not self.is_streaming:
            self.check()

    def failed(self) -> None:
        """The step's message is a dead letter."""
        bury(self.world.runner, step_job(self.run))


@pytest.fixture(scope="module")
def context(shared_world: World) -> ApiContext:
    """The API's parts, on the same tables and queues as the world's runner."""
    return api_context_of(shared_world)


@pytest.fixture(scope="module")
def app(context: ApiContext) -> FastAPI:
    """The application; it takes long to make."""
    return create_app(context)


@pytest.fixture
def scene(
    shared_world: World, context: ApiContext, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> Scene:
    """A run that was just created."""
    world = shared_world
    world.clear()
    key = make_project_key(context, TENANT)
    client = TestClient(app, headers={"Authorization": f"Bearer {key}"})
    action = offer_action(world, "look_up", ScriptedTool())
    assistant = make_assistant(client, tools=[WEATHER, action.model_dump()])
    thread = make_thread(client, "How is the weather?")
    run_id = make_run(client, thread, assistant)["id"]
    scene = Scene(client, world, monkeypatch, assistant, thread, run_id)
    publish = world.pusher.publish

    def see(tenant: str, thread_id: str, run_id: str, batch: Batch) -> None:
        publish(tenant, thread_id, run_id, batch)
        if any(event.name == "thread.message.delta" for event in batch.events):
            scene.said.set()

    monkeypatch.setattr(world.pusher, "publish", see)
    return scene


BROKEN_OFF = "message [run_{end}, {end}]: Well"
STORIES: dict[str, list[str]] = {
    "queued": [],
    "waiting": [],
    "streaming": [BROKEN_OFF],
    "left_by_its_worker": [BROKEN_OFF],
    "calling": ["calls [{end}]: action look_up({{}})"],
    "between_steps": ["calls: action look_up({{}}) = echo {{}}"],
    "asking": ["calls [{end}]: function get_weather({{}})"],
}
WAYS = [
    *((state, end) for state in STORIES for end in ("cancelled", "expired")),
    *((state, "failed") for state in ("queued", "left_by_its_worker", "between_steps")),
]


@pytest.mark.parametrize(("state", "end"), WAYS)
@pytest.mark.fault("cancel", "expiry", "message-after-end")
def test_a_run_ends_in_the_open_wherever_it_is_and_frees_its_thread(
    scene: Scene, state: str, end: str
) -> None:
    scene.end = getattr(scene, end)
    getattr(scene, state)()

    shown = created(scene.client.get(scene.path))
    assert shown["status"] == end
    assert (shown["required_action"], shown["expires_at"]) == (None, None)
    assert (shown["cancelled_at"] is None, shown["failed_at"] is None) == (
        end != "cancelled",
        end != "failed",
    )
    assert (shown["last_error"] is None) == (end != "failed")
    assert shown["usage"] is not None
    told = scene.world.names(scene.run)
    assert told[-1] == f"run.{end}"
    assert ("run.cancelling" in told) == (end == "cancelled")
    assert story_of(scene.world, scene.run) == [line.format(end=end) for line in STORIES[state]]

    refuse_what_comes_late(scene, end)
    asked = len(scene.world.model.requests)
    scene.world.deliver(step_job(scene.run))
    while scene.world.machine.started:
        assert set(scene.world.execute_next()) == {"dropped"}
    scene.check()
    assert scene.world.names(scene.run) == told
    assert len(scene.world.model.requests) == asked

    body = {"role": "user", "content": "And tomorrow?"}
    created(scene.client.post(f"/v1/threads/{scene.thread}/messages", json=body))
    make_run(scene.client, scene.thread, scene.assistant)


def refuse_what_comes_late(scene: Scene, end: str) -> None:
    """Fail unless an ended run takes neither outputs nor a cancel, and says so in known words."""
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "sun"}]}
    submitted = scene.client.post(f"{scene.path}/submit_tool_outputs", json=outputs)
    assert refused(submitted)["message"] == f'Runs in status "{end}" do not accept tool outputs.'
    cancelled = scene.client.post(f"{scene.path}/cancel")
    assert refused(cancelled)["message"] == f"Cannot cancel run with status '{end}'."
