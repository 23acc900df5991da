"""Which models the backend offers: its `GET /models`, asked once a while."""

import json
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.secrets import SecretValue
from core.errors import BackendFailed
from core.model_list import NotAList, read_models
from core.schema.models import Model

if TYPE_CHECKING:
    import httpx2

# Pages that show a choice of models poll; a new model is seen after this long at the latest.
CACHE_SECONDS: Final = 60
CONNECT_SECONDS: Final = 3.0
# For the whole answer; the gateway and Lambda wait for 29 s in all.
ANSWER_SECONDS: Final = 8.0
MAX_BYTES: Final = 4_194_304
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ABSENCES = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)
_PASSING = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)

_CHECK_URL = "Check the model's base URL, which ends in /v1 as a rule"
_TOO_SLOW = "The model backend did not list its models in time: please try again."
_UNREACHABLE = f"The model backend cannot be reached. {_CHECK_URL}, and that the backend is up."
_NO_KEY = (
    "The key of the model backend cannot be read: check the parameter or the secret that is to "
    "hold it."
)
_WRONG_KEY = (
    "The key of the model backend cannot be sent in a header: check it for line breaks and for "
    "characters that are not ASCII."
)
_NO_LIST = f"The model backend answered something that is no list of models. {_CHECK_URL}."
_TOO_LARGE = f"The model backend's list of models is larger than {MAX_BYTES:,} bytes."


class ModelCatalog:
    """The models of an OpenAI-compatible backend, remembered for `CACHE_SECONDS`.

    Args:
        base_url: the backend, ending in `/v1` as a rule.
        key: the backend's API key.
        monotonic: gives seconds.
    """

    def __init__(
        self, base_url: str, key: SecretValue, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/models"
        self._key = key
        self._monotonic = monotonic
        self._cached: tuple[float, tuple[Model, ...]] | None = None

    def models(self) -> tuple[Model, ...]:
        """Return the models in the backend's order.

        Raises:
            BackendFailed: it cannot be reached, refuses, or does not answer a list. The message
                repeats nothing that the backend said.
        """
        cached = self._cached
        if cached is not None and cached[0] > self._monotonic():
            return cached[1]
        models = _parse(self._fetch())
        self._cached = (self._monotonic() + CACHE_SECONDS, models)
        return models

    def _fetch(self) -> bytes:
        # Imported here, because most processes of the API function never need it.
        import httpx2

        headers = {"Authorization": f"Bearer {self._read_key()}", "Accept": "application/json"}
        until = self._monotonic() + ANSWER_SECONDS
        try:
            # Redirects are not followed: nobody but the backend gets the key.
            with httpx2.stream(
                "GET",
                self._url,
                headers=headers,
                timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
                follow_redirects=False,
            ) as response:
                _check(response.status_code)
                return b"".join(self._pieces(response, until))
        except httpx2.TimeoutException:
            raise BackendFailed(_TOO_SLOW) from None
        except (httpx2.LocalProtocolError, UnicodeError):
            raise BackendFailed(_WRONG_KEY, retryable=False) from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise BackendFailed(_UNREACHABLE) from None

    def _read_key(self) -> str:
        try:
            return self._key.get()
        except (BotoCoreError, ClientError):
            raise BackendFailed(_NO_KEY) from None

    def _pieces(self, response: "httpx2.Response", until: float) -> Iterator[bytes]:
        size = 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > MAX_BYTES:
                raise BackendFailed(_TOO_LARGE, retryable=False)
            if self._monotonic() > until:
                raise BackendFailed(_TOO_SLOW)
            yield piece


def _check(status: int) -> None:
    if status == HTTPStatus.OK:
        return
    answered = f"answered HTTP {status} to GET /models"
    if status in _REFUSALS:
        advice = "Check the model key and what it may use."
    elif status in _ABSENCES:
        advice = (
            f"It may have no list of models. {_CHECK_URL}; if it is right, models can be used "
            "without being listed."
        )
    elif 300 <= status < 400:
        advice = "Set the model's base URL to where this redirect leads: it is not followed."
    else:
        advice = "Please try again; if this goes on, look at the backend's log."
    passing = status >= 500 or status in _PASSING
    raise BackendFailed(
        f"The model backend {answered}. {advice}", retryable=passing and status not in _ABSENCES
    )


def _parse(body: bytes) -> tuple[Model, ...]:
    try:
        return read_models(json.loads(body))
    except (ValueError, RecursionError, NotAList):
        raise BackendFailed(_NO_LIST, retryable=False) from None
