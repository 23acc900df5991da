"""What it takes to push one run to many connections: `make bench-subscribers`.

An answer streams while so many connections watch. The model, the tables and the gateway are stubs
in processes of their own; the gateway takes as long as it is told to for each push. Each row is
measured in a process of its own, so that its memory is its own.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final
from unittest.mock import patch

from adapters.dynamodb.event_log import EventLog
from adapters.push_gateway import Posted, PushGateway
from bench.turns import build_context, request_for, run_turn, stub
from core.event_log import Batch

_SUBSCRIBERS: Final = (0, 1, 50, 500)
_WARM_TOKENS: Final = 200
HEADER: Final = (
    "| subscribers | flushes | longest wait between two | looks at who watches | frames each | "
    "pushes | CPU a push | until the last one has a frame: median, longest | peak memory |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured.

    Attributes:
        subscribers: how many connections watched.
        flushes: batches of the log.
        longest_pause: between two of them, in seconds.
        looks: queries for who watches.
        pushes: to all of them.
        cpu: of the process, in seconds.
        lags: for each batch, the seconds until the last connection had it.
        peak_kilobytes: the process's memory.
    """

    subscribers: int
    flushes: int
    longest_pause: float
    looks: int
    pushes: int
    cpu: float
    lags: list[float]
    peak_kilobytes: int

    def spelled(self, base_cpu: float) -> str:
        """Return it as a row of the table.

        Args:
            base_cpu: what the same takes if nobody watches.
        """
        watched = self.subscribers > 0
        cells = (
            str(self.subscribers),
            str(self.flushes),
            f"{self.longest_pause * 1000:.0f} ms",
            str(self.looks),
            f"{self.pushes / self.subscribers:.0f}" if watched else "",
            f"{self.pushes:,}",
            f"{(self.cpu - base_cpu) / self.pushes * 1000:.2f} ms" if watched else "",
            f"{statistics.median(self.lags):.2f} s, {max(self.lags):.2f} s" if watched else "",
            f"{self.peak_kilobytes / 1000:.0f} MB",
        )
        return f"| {' | '.join(cells)} |"


class _Recorder:
    """Notes when what was logged and when what was delivered, and forgets nothing."""

    def __init__(self) -> None:
        self.logged: list[tuple[float, Batch]] = []
        self.delivered: dict[str, list[tuple[float, bytes]]] = {}
        append, post = EventLog.append, PushGateway.post

        def note_append(log: EventLog, tenant: str, run_id: str, batch: Batch) -> Any:
            done = append(log, tenant, run_id, batch)
            self.logged.append((time.monotonic(), batch))
            return done

        def note_post(gateway: PushGateway, connection_id: str, data: bytes) -> Posted:
            posted = post(gateway, connection_id, data)
            if posted is Posted.DELIVERED:
                entry = (time.monotonic(), data)
                self.delivered.setdefault(connection_id, []).append(entry)
            return posted

        patch.object(EventLog, "append", note_append).start()
        patch.object(PushGateway, "post", note_post).start()

    def lags(self, subscribers: int) -> list[float]:
        """Return, for each batch, how long it took until the last connection had it."""
        if not subscribers:
            return []
        if len(self.delivered) != subscribers:
            raise RuntimeError("Not every connection was pushed to.")
        ends = {data: _last(data) for each in self.delivered.values() for _, data in each}
        arrivals = [
            [(moment, ends[data]) for moment, data in each] for each in self.delivered.values()
        ]
        return [
            max(_arrival(each, (batch.last.epoch, batch.last.seq)) for each in arrivals) - logged
            for logged, batch in self.logged
        ]


def _last(data: bytes) -> tuple[int, int]:
    epoch, _, seq = json.loads(data)["events"][-1]["id"].partition("-")
    return int(epoch), int(seq)


def _arrival(frames: Sequence[tuple[float, tuple[int, int]]], wanted: tuple[int, int]) -> float:
    return next(moment for moment, last in frames if last >= wanted)


def measure(subscribers: int, model_url: str, aws_url: str, seconds: int, pace: int) -> Row:
    """Stream one answer in this process; return what it took."""
    context = build_context(model_url, aws_url)
    run_turn(context, request_for(_WARM_TOKENS, 0))
    looks = 0
    look = context.subscriptions.of_run

    def note_look(*run: str) -> list[str]:
        nonlocal looks
        looks += 1
        return look(*run)

    patch.object(context.subscriptions, "of_run", note_look).start()
    recorder = _Recorder()
    before = time.process_time()
    run_turn(context, request_for(seconds * pace, pace))
    cpu = time.process_time() - before
    times = [moment for moment, _ in recorder.logged]
    return Row(
        subscribers,
        len(times),
        max(later - earlier for earlier, later in pairwise(times)),
        looks,
        sum(map(len, recorder.delivered.values())),
        cpu,
        recorder.lags(subscribers),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )


def _measure_apart(subscribers: int, options: argparse.Namespace) -> Row:
    arguments = ("--subscribers", str(subscribers), "--delay-ms", str(options.delay_ms))
    with stub("bench.stub_model") as model, stub("bench.stub_aws", *arguments) as aws:
        command = [sys.executable, "-m", "bench.subscribers", "--one", str(subscribers)]
        command += ["--stubs", model, aws, "--seconds", str(options.seconds)]
        command += ["--pace", str(options.pace)]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
    return Row(**json.loads(lines[-1]))


def main() -> None:
    """Print the table; or, as one of its processes, a row."""
    parser = argparse.ArgumentParser(prog="python -m bench.subscribers", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="how long the answer takes")
    parser.add_argument("--pace", type=int, default=50, help="tokens a second")
    parser.add_argument("--delay-ms", type=float, default=10, help="of each answer of AWS")
    parser.add_argument("--one", type=int, metavar="SUBSCRIBERS", help="measure one row")
    parser.add_argument("--stubs", nargs=2, metavar="URL", help="what to measure it with")
    options = parser.parse_args()
    if options.stubs:
        model_url, aws_url = options.stubs
        row = measure(options.one, model_url, aws_url, options.seconds, options.pace)
        print(json.dumps(asdict(row)))
        return
    print(HEADER)
    base_cpu = 0.0
    for subscribers in _SUBSCRIBERS:
        row = _measure_apart(subscribers, options)
        base_cpu = base_cpu or row.cpu
        print(row.spelled(base_cpu), flush=True)


if __name__ == "__main__":
    main()
