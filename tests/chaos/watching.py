"""Watchers of runs: each keeps all that it hears over the WebSocket."""

import threading
import time
from collections.abc import Sequence
from typing import Final

from tests.chaos.reports import RunReport
from threadrunner_client import Client, Event, StreamTimeout, ThreadRunnerError, Timing

# What a killed worker had not pushed yet is asked for after this long a silence.
TIMING: Final = Timing(refresh_interval=20)


class Watchers:
    """Watches runs, each in a thread of its own, over a few connections.

    Args:
        clients: the connections.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._lock = threading.Lock()

    def watch(self, report: RunReport, thread_id: str, run_id: str, after: float) -> None:
        """Have a run watched from so many seconds from now on; its transcript is reported."""
        with self._lock:
            client = self._clients[len(self._threads) % len(self._clients)]
            thread = threading.Thread(
                target=self._watch, args=(client, report, thread_id, run_id, after), daemon=True
            )
            self._threads.append(thread)
        thread.start()

    def finish(self, seconds: float) -> None:
        """Wait until all have heard the end of their runs, for so many seconds at most."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _watch(
        self, client: Client, report: RunReport, thread_id: str, run_id: str, after: float
    ) -> None:
        if self._over.wait(after):
            return
        heard: list[Event] = []
        try:
            with client.subscribe(
                thread_id=thread_id, run_id=run_id, until="end", timeout=1
            ) as events:
                while not self._over.is_set():
                    try:
                        for event in events:
                            heard.append(event)
                    except StreamTimeout:
                        continue
                    report.transcript = heard
                    return
        except ThreadRunnerError as error:
            report.complaints.append(f"its watcher met {type(error).__name__}: {error}")
        else:
            report.complaints.append("its watcher did not hear of its end")
