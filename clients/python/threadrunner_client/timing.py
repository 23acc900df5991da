"""How long the client waits for what."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """All times in seconds. The defaults suit API Gateway and a server that answers within 10 s.

    Attributes:
        connect_timeout: for one attempt to connect, handshakes included.
        give_up_after: for all attempts together, counted from the loss of the connection; also
            for a subscription that is not answered.
        first_delay: before the first attempt to reconnect, at most; the next may wait twice as long
            each. Every delay is drawn from the upper half of its range, so that clients which were
            cut off together do not come back together.
        longest_delay: between two attempts, at most.
        reply_timeout: for an answer. A connection on which nothing at all comes for this long after
            a request is taken for dead.
        gap_wait: how long a missing frame may still come by itself before it is asked for; twice as
            long each time that asking did not help.
        longest_gap_wait: at most.
        refresh_interval: after so long without an event the subscription is renewed, which also
            finds out whether a frame was lost.
        ping_interval: after so long without a request a ping is sent: the gateway closes a
            connection after 10 minutes without traffic.
        keepalive_interval: between pings of the WebSocket protocol itself, which notice a dead
            connection and cost nothing; None for none.
        connection_age: how old a connection gets before it is replaced: the gateway ends it at
            2 hours.
        fetch_timeout: for one HTTP request for an event that was too large for a frame.

    Raises:
        ValueError: a time is not above zero.
    """

    connect_timeout: float = 10
    give_up_after: float = 60
    first_delay: float = 0.25
    longest_delay: float = 10
    reply_timeout: float = 10
    gap_wait: float = 0.5
    longest_gap_wait: float = 15
    refresh_interval: float = 120
    ping_interval: float = 240
    keepalive_interval: float | None = 20
    connection_age: float = 110 * 60
    fetch_timeout: float = 30

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not value > 0:
                raise ValueError(f"{each.name} is {value!r}, but it must be above zero.")

    def reconnect_delay(self, attempt: int, jitter: float) -> float:
        """Return how long to wait before an attempt to reconnect.

        Args:
            attempt: 0 for the first.
            jitter: a random number from 0 up to 1.
        """
        return _grown(self.first_delay, attempt, self.longest_delay) * (0.5 + jitter / 2)

    def ask_delay(self, tries: int) -> float:
        """Return how long to wait before something missing is asked for once more.

        Args:
            tries: how often it was asked for already.
        """
        return _grown(self.gap_wait, max(0, tries - 1), self.longest_gap_wait)


def _grown(first: float, times: int, limit: float) -> float:
    return min(limit, first * 2.0 ** min(times, 64))
