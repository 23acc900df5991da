"""A clock that stands still until a test moves it."""


class FakeClock:
    """Gives milliseconds since the epoch; `advance` moves it."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += int(seconds * 1000)
