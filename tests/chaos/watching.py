"""Watchers of runs: each keeps all that it hears over the WebSocket."""

import threading
import time
from typing import Final

from infra.local.info import StackInfo
from tests.chaos.reports import RunReport
from threadrunner_client import Client, Event, StreamTimeout, ThreadRunnerError, Timing

# What a killed worker had not pushed yet is asked for after this long a silence. A busy machine may
# take its time to make a connection.
_TIMING: Final = Timing(refresh_interval=20, connect_timeout=30, give_up_after=180)


class Watchers:
    """Watches runs, each in a thread and over a connection of its own.

    Args:
        info: the stack that the runs are on.
    """

    def __init__(self, info: StackInfo) -> None:
        self._info = info
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()

    def watch(self, report: RunReport, thread_id: str, run_id: str, after: float) -> None:
        """Have a run watched from so many seconds from now on; its transcript is reported."""
        thread = threading.Thread(
            target=self._watch, args=(report, thread_id, run_id, after), daemon=True
        )
        thread.start()
        self._threads.append(thread)

    def finish(self, seconds: float) -> None:
        """Wait until all have heard the end of their runs, for so many seconds at most."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, report: RunReport, thread_id: str, run_id: str, after: float) -> None:
        if self._over.wait(after):
            return
        heard: list[Event] = []
        try:
            with (
                self._client() as client,
                client.subscribe(
                    thread_id=thread_id, run_id=run_id, until="end", timeout=1
                ) as events,
            ):
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

    def _client(self) -> Client:
        info = self._info
        return Client(info.websocket_url, info.api_key, base_url=info.base_url, timing=_TIMING)
