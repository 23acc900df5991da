"""The official SDK as a patient program uses it: with its own retries, and then some thought."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import openai

T = TypeVar("T")
_PAUSE_SECONDS: Final = 1.0
# API Gateway ends a request after 29 seconds; the emulator does not.
_GATEWAY_SECONDS: Final = 29.0


class OutOfPatience(Exception):
    """The service did not answer for so long that the client has gone home."""


class Traffic:
    """Counts requests of all clients, and how many of them were attempts at an earlier one."""

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self.given_up = 0
        self._lock = threading.Lock()

    def note(self, request: Any) -> None:
        """Count a request that is about to be sent."""
        with self._lock:
            self.requests += 1
            self.retries += request.headers.get("x-stainless-retry-count", "0") != "0"

    def give_up(self) -> None:
        """Count a request that the SDK has tried often enough."""
        with self._lock:
            self.given_up += 1


class ApiClient:
    """One client program's access to the API.

    Args:
        base_url: one of the ways to the API.
        api_key: the project's key.
        traffic: counts the requests.
        deadline: when the program goes home, by the monotonic clock.
    """

    def __init__(self, base_url: str, api_key: str, traffic: Traffic, deadline: float) -> None:
        http = openai.DefaultHttpxClient(
            event_hooks={"request": [traffic.note]}, trust_env=False, timeout=_GATEWAY_SECONDS
        )
        self.sdk = openai.OpenAI(
            base_url=base_url, api_key=api_key, http_client=http, timeout=_GATEWAY_SECONDS
        )
        self._traffic = traffic
        self._deadline = deadline

    def close(self) -> None:
        """Close its connections."""
        self.sdk.close()

    def read(self, ask: Callable[[], T]) -> T:
        """Ask for something until it is answered.

        Raises:
            OutOfPatience: it was not, for too long.
        """
        while True:
            self._check_patience()
            try:
                return ask()
            except (openai.APIConnectionError, openai.InternalServerError):
                self._traffic.give_up()
                time.sleep(_PAUSE_SECONDS)

    def make(self, make: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Have something made once, although answers get lost.

        The SDK tries several times. If it was never answered, the program looks whether it was
        heard, before it asks anew.

        Args:
            make: asks for it.
            find: looks for it.

        Raises:
            OutOfPatience: nothing was answered, for too long.
        """
        while True:
            self._check_patience()
            try:
                return make()
            except (openai.APIConnectionError, openai.InternalServerError):
                self._traffic.give_up()
                time.sleep(_PAUSE_SECONDS)
            found = self.read(find)
            if found is not None:
                return found

    def _check_patience(self) -> None:
        if time.monotonic() > self._deadline:
            raise OutOfPatience
