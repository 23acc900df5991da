"""The runner's real parts on stubs of the model and of AWS: one turn at a time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

from bench.stub_aws import EPOCH, OWNER
from bench.stub_model import model_name
from core.event_log import Cursor
from core.model import ModelRequest
from core.turn_assembler import TurnAssembler
from runner.turn import Held, TurnStreamer
from tests.support.runs import run_record
from wiring.bootstrap import RunnerContext, runner_context

_MESSAGES: Final[list[dict[str, Any]]] = [{"role": "user", "content": "Tell a long story."}]
_HOUR_SECONDS: Final = 3600
_RESOURCES: Final = {
    "STATE_TABLE": "state",
    "STREAM_TABLE": "stream",
    "BUCKET": "bucket",
    "STEPS_QUEUE_URL": "http://bench.invalid/steps",
    "TIMERS_QUEUE_URL": "http://bench.invalid/timers",
    "DIRECT_REQUESTS": "true",
    "TOOLS_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:tools",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
}


@contextmanager
def stub(module: str, *arguments: str) -> Iterator[str]:
    """Run a stub in a process of its own; give its URL."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()


def build_context(model_url: str, aws_url: str) -> RunnerContext:
    """Return the runner's parts as a function has them, on stubs."""
    urls = {"MODEL_BASE_URL": model_url, "AWS_ENDPOINT_URL": aws_url}
    with patch.dict(os.environ, _RESOURCES | urls):
        return runner_context.__wrapped__()


def request_for(tokens: int, per_second: int) -> ModelRequest:
    """Return what asks the stub of a model for so many tokens; `per_second` 0 is no pause."""
    return ModelRequest(model_name(tokens, per_second), _MESSAGES, [], {})


def run_turn(
    context: RunnerContext,
    request: ModelRequest,
    assemble: Callable[..., TurnAssembler] = TurnAssembler,
) -> None:
    """Stream one turn as a step does, until all of it is written and pushed.

    Args:
        context: the runner's parts.
        request: what the model is asked.
        assemble: makes the turn's assembler.
    """
    now_ms = context.clock()
    run = run_record(
        lease_owner=OWNER,
        epoch=EPOCH,
        lease_until_ms=now_ms + context.settings.lease_seconds * 1000,
        expires_at=now_ms // 1000 + _HOUR_SECONDS,
    )
    assembler = assemble(
        run, context.ids.new, lambda: context.clock() // 1000, lambda _name: "function"
    )
    held = Held(run, Cursor(EPOCH, None))
    deadline_ms = now_ms + _HOUR_SECONDS * 1000
    streamer = TurnStreamer(context, held, assembler, deadline_ms, time.monotonic)
    turn = streamer.stream(request)
    assembler.close_message(usage=turn.usage)
    streamer.flush()
    if not context.pusher.drain(60) or context.pusher.failures:
        raise RuntimeError("Not everything could be pushed.")
