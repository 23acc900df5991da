"""Fetches events that were too large for a frame: the frame says where the API serves them."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from dataclasses import replace
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.parse import urlsplit

from threadrunner_client.errors import AuthenticationError, EventUnavailable
from threadrunner_client.key import ApiKey
from threadrunner_client.ordering import Event
from threadrunner_client.timing import Timing

_API_ROOT = "/v1"
_TRIES_AGAIN = frozenset({408, 425, 429})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key along, wherever it leads."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def check_base_url(base_url: str) -> str:
    """Return the part of the API's base URL that stands before `/v1`.

    Args:
        base_url: as the OpenAI SDK takes it, such as "https://example.org/v1"; without `/v1` too.

    Raises:
        ValueError: it is not an http: or https: URL with a host and nothing after its path.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("The base URL does not begin with https:// (or http://) and a host.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("The base URL may have neither a user name nor a query nor a fragment.")
    return base_url.rstrip("/").removesuffix(_API_ROOT)


class Patience:
    """How long an event is tried for, and how long to wait between two tries.

    Args:
        event: what is to be fetched.
        timing: how long.
    """

    def __init__(self, event: Event, timing: Timing) -> None:
        self._event = event
        self._timing = timing
        self._last_moment = time.monotonic() + timing.give_up_after
        self._tries = 0

    def pause(self, reason: str) -> float:
        """Return for how many seconds to wait before the next try.

        Args:
            reason: why the last one failed.

        Raises:
            EventUnavailable: it was tried for long enough.
        """
        if time.monotonic() >= self._last_moment:
            raise EventUnavailable(f"The event {self._event.id!r} could not be fetched: {reason}.")
        self._tries += 1
        return self._timing.reconnect_delay(self._tries - 1, 1)


class EventFetcher:
    """Gets the whole of an event that came by reference.

    Args:
        base_url: the API's base URL; None if the caller gave none.
        key: sent with each request; None if the caller gave none.
        timing: how long a request may take, and for how long it is tried again.

    Raises:
        ValueError: the base URL is not one.
    """

    def __init__(self, base_url: str | None, key: ApiKey | None, timing: Timing) -> None:
        self._root = None if base_url is None else check_base_url(base_url)
        self._key = key
        self._timing = timing
        self._opener = urllib.request.build_opener(_NoRedirects)

    def fetch(self, event: Event) -> Event:
        """Return an event with its data, after as many tries as it takes.

        Raises:
            EventUnavailable: there is no base URL or key, or the API does not give the event.
            AuthenticationError: the API does not accept the key.
        """
        patience = Patience(event, self._timing)
        while isinstance(outcome := self.attempt(event), str):
            time.sleep(patience.pause(outcome))
        return outcome

    async def fetch_async(self, event: Event) -> Event:
        """Do the same without holding up the event loop: each try is made in a thread."""
        if event.href is None:
            return event
        patience = Patience(event, self._timing)
        while isinstance(outcome := await asyncio.to_thread(self.attempt, event), str):
            await asyncio.sleep(patience.pause(outcome))
        return outcome

    def attempt(self, event: Event) -> Event | str:
        """Return an event with its data, or the reason to try again.

        Raises:
            EventUnavailable: there is no base URL or key, or the API does not give the event.
            AuthenticationError: the API does not accept the key.
        """
        if event.href is None:
            return event
        if self._root is None or self._key is None:
            missing = "the API's base_url" if self._root is None else "an API key"
            raise EventUnavailable(
                f"The event {event.id!r} was too large for a WebSocket frame, and to fetch it over "
                f"HTTP the client needs {missing}."
            )
        if not event.href.startswith(f"{_API_ROOT}/"):
            raise EventUnavailable(f"The event {event.id!r} refers to a place outside the API.")
        outcome = self._get(event.id, self._root + event.href, self._key)
        if isinstance(outcome, str):
            return outcome
        return replace(event, data=self._entry(outcome, event.id), href=None)

    def _entry(self, body: bytes, event_id: str) -> dict[str, Any]:
        try:
            entry = json.loads(body)["data"][0]
            if entry["id"] == event_id and isinstance(entry["data"], dict):
                data: dict[str, Any] = entry["data"]
                return data
        except (ValueError, LookupError, TypeError):
            pass
        raise EventUnavailable(f"The API answered with something other than event {event_id!r}.")

    def _get(self, event_id: str, url: str, key: ApiKey) -> bytes | str:
        """Return the body of a response, or the reason to try again."""
        request = urllib.request.Request(url, headers=key.headers())
        try:
            with self._opener.open(request, timeout=self._timing.fetch_timeout) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (401, 403):
                raise AuthenticationError(
                    f"The server does not accept the API key (HTTP {error.code})."
                ) from None
            if error.code < 500 and error.code not in _TRIES_AGAIN:
                raise EventUnavailable(
                    f"The event {event_id!r} could not be fetched: HTTP status {error.code}."
                ) from None
            return f"HTTP status {error.code}"
        except (OSError, HTTPException) as error:
            return type(error).__name__
