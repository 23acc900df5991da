"""Streams one model turn into the log, and looks up now and then.

The loop writes what has come since the last flush: the first token at once, then every few
milliseconds. Between flushes it renews the lease, and notices a cancel, the run's expiry, the end
of the function's time, and a model that has fallen silent or never comes to an end.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.dynamodb.errors import StoreSilent
from core.changes import Change
from core.event_log import Batch, Cursor
from core.model import ModelFailure, ModelRequest
from core.records import RunRecord
from core.turn_assembler import Turn, TurnAssembler
from runner.chunk_source import ChunkSource, size_of
from wiring.bootstrap import RunnerContext
from wiring.telemetry import count, duration, logger

_LOOK_SECONDS: Final = 1.0
_RENEWALS_PER_LEASE: Final = 3
_MODEL_TRIES: Final = 4
_FIRST_PAUSE_SECONDS: Final = 0.5
# A run that has to wait longer rests, so that nobody pays for a function that waits.
_LONGEST_PAUSE_SECONDS: Final = 5.0
# A table that does not answer is asked again for this long; the model goes on meanwhile.
_APPEND_PATIENCE_SECONDS: Final = 10.0
_APPEND_PAUSE_SECONDS: Final = 0.25
# About 250,000 tokens: an answer that is longer has no end.
MAX_ANSWER_CHARACTERS: Final = 1_000_000


class Cancelled(Exception):
    """Somebody asked to cancel the run."""


class Expired(Exception):
    """The run's time is over."""


class OutOfTime(Exception):
    """The function's time ends before the answer did."""


@dataclass(slots=True)
class Held:
    """A run that this worker holds: its record as last written, and its place in the log."""

    run: RunRecord
    cursor: Cursor


class TurnStreamer:
    """Streams a turn.

    Args:
        context: the runner's parts.
        held: the claimed run; kept up to date.
        assembler: takes the chunks.
        deadline_ms: when the function must have handed over.
        monotonic: seconds, for pacing.
    """

    def __init__(
        self,
        context: RunnerContext,
        held: Held,
        assembler: TurnAssembler,
        deadline_ms: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._context = context
        self._held = held
        self._assembler = assembler
        self._deadline_ms = deadline_ms
        self._monotonic = monotonic
        self._flush_seconds = context.settings.flush_ms / 1000
        self._flushed_at = float("-inf")
        self._looked_at = monotonic()
        self._renewed_at = monotonic()

    def stream(self, request: ModelRequest) -> Turn:
        """Ask the model and stream its answer; a failure before the first token is tried again.

        Raises:
            ModelFailure: the model failed for good, or in the middle of its answer; or it fails for
                now, and waiting for it is not worth a function's time.
            Cancelled, Expired, OutOfTime: the turn must not go on.
            LeaseLost: another worker has the run.
        """
        for attempt in range(1, _MODEL_TRIES + 1):
            try:
                return self._stream_once(request)
            except ModelFailure as failure:
                if self._assembler.started or not failure.retryable or attempt == _MODEL_TRIES:
                    raise
                backoff = _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
                pause = failure.retry_after if failure.retry_after is not None else backoff
                if pause > _LONGEST_PAUSE_SECONDS:
                    raise
                self._sleep(pause)
        raise AssertionError("The last try returns or raises.")

    def flush(self) -> None:
        """Write what has come since the last flush: log first, then push."""
        draft = self._assembler.take()
        if not draft.events:
            return
        context, held = self._context, self._held
        if draft.messages or draft.steps:
            after = held.run.model_copy(
                update={"open_step": draft.open_step, "open_message": draft.open_message}
            )
            change = Change(held.run, after, draft.events, draft.messages, draft.steps)
            try:
                held.run = context.writer.commit(change, held.cursor, release=False)
            except BaseException:
                self._assembler.restore(draft)
                raise
        else:
            batch = held.cursor.batch(draft.events)
            self._append(batch)
            held.cursor.advance(batch)
            context.writer.publish(held.run, batch)
        self._flushed_at = self._monotonic()

    def _append(self, batch: Batch) -> None:
        """Write a batch on its own: the same again until it is written, since others follow it."""
        until = self._monotonic() + _APPEND_PATIENCE_SECONDS
        run = self._held.run
        while True:
            try:
                self._context.event_log.append(run.tenant, run.id, batch)
            except StoreSilent:
                if self._monotonic() >= until:
                    raise
                count("AppendsRepeated")
                time.sleep(_APPEND_PAUSE_SECONDS)
            else:
                return

    def _stream_once(self, request: ModelRequest) -> Turn:
        source = ChunkSource(self._context.model, request)
        asked_at = heard_at = self._monotonic()
        first = True
        waiting_bytes = 0
        try:
            while True:
                source.wait(*self._wait_for(waiting_bytes))
                chunks = source.take()
                for chunk in chunks:
                    self._assembler.push(chunk)
                    waiting_bytes += size_of(chunk)
                if chunks:
                    heard_at = self._monotonic()
                if first and self._assembler.started:
                    first = False
                    duration("FirstToken", (self._monotonic() - asked_at) * 1000)
                ended = source.ended
                if ended:
                    return self._assembler.finish()
                if self._assembler.characters > MAX_ANSWER_CHARACTERS:
                    logger.warning("the model's answer does not end; it is cut short")
                    return self._assembler.cut_short()
                if self._monotonic() - heard_at > self._context.settings.model_idle_seconds:
                    raise ModelFailure("The model fell silent.", retryable=True)
                if self._is_flush_due(waiting_bytes):
                    self.flush()
                    waiting_bytes = 0
                self._look_up()
        finally:
            source.stop()

    def _is_flush_due(self, waiting_bytes: int) -> bool:
        if not waiting_bytes:
            return False
        since = self._monotonic() - self._flushed_at
        return since >= self._flush_seconds or waiting_bytes >= self._context.settings.flush_bytes

    def _wait_for(self, waiting_bytes: int) -> tuple[float, int]:
        """Return how long to wait for the model, in seconds, and for how many bytes.

        Until the next flush is due, only what fills it may wake the loop; after that, anything.
        """
        seconds = self._flushed_at + self._flush_seconds - self._monotonic()
        if seconds > 0:
            return seconds, max(1, self._context.settings.flush_bytes - waiting_bytes)
        return (0.0 if waiting_bytes else _LOOK_SECONDS), 1

    def _look_up(self) -> None:
        context, run = self._context, self._held.run
        now_ms = context.clock()
        if now_ms >= self._deadline_ms:
            raise OutOfTime
        if now_ms >= run.expires_at * 1000:
            raise Expired
        now = self._monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        lease_seconds = context.settings.lease_seconds
        try:
            if now - self._renewed_at >= lease_seconds / _RENEWALS_PER_LEASE:
                until = now_ms + lease_seconds * 1000
                cancelled = context.leases.renew(run, until)
                self._renewed_at = now
                self._held.run = run.model_copy(update={"lease_until_ms": until})
            else:
                cancelled = context.leases.is_cancel_requested(run)
        except StoreSilent:
            # Looked at again soon. If the lease ends meanwhile, what is committed is refused.
            return
        if cancelled:
            raise Cancelled

    def _sleep(self, seconds: float) -> None:
        """Pause without letting go: the lease is renewed, and a cancel is seen."""
        end = self._monotonic() + seconds
        while (left := end - self._monotonic()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))
            self._look_up()
