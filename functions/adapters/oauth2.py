"""Tokens of OAuth2 for credentials of a client (RFC 6749, section 4.4)."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from adapters.egress import EgressClient, EgressError, EgressResponse
from core.credentials import basic_token
from core.expiring import Expiring
from core.openapi import PreparedRequest
from core.schema.authentication import OAuth2ClientCredentials, dump_authentication

# What a server that does not say gives at least.
_DEFAULT_SECONDS: Final = 300.0
_MOST_SECONDS: Final = 3_600.0
# A token is not used in its last tenth, nor in its last minute: calls and clocks take time.
_MARGIN: Final = 0.1
_MARGIN_SECONDS: Final = 60.0
_MOST_TOKENS: Final = 256
_LONGEST_TOKEN: Final = 8_192
_TOKEN = re.compile(r"[!-~]+")
# Section 5.2: the words by which a server says what is wrong. Others could repeat anything.
_ERRORS: Final = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


class NoToken(Exception):
    """There is no token.

    Args:
        message: why, without anything secret, in words for a model.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TokenSource:
    """Gets tokens, and keeps them in this process until shortly before they expire.

    Args:
        egress: asks for them; it should follow no redirect, which would take the secret along.
        monotonic: gives seconds.
    """

    def __init__(
        self, egress: EgressClient, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._egress = egress
        self._monotonic = monotonic
        self._held: Expiring[str, str] = Expiring(_MOST_TOKENS, monotonic)

    def get(self, tenant: str, given: OAuth2ClientCredentials, timeout_seconds: float) -> str:
        """Return a token.

        Args:
            tenant: whose credentials they are: tokens are shared with nobody else.
            given: the credentials.
            timeout_seconds: for asking.

        Raises:
            NoToken: the server gives none.
        """
        key = _key(tenant, given)
        held = self._held.get(key)
        if held is not None:
            return held
        asked = self._monotonic()
        token, seconds = self._ask(given, timeout_seconds)
        kept = min(seconds, _MOST_SECONDS) - max(_MARGIN * seconds, _MARGIN_SECONDS)
        self._held.put(key, token, asked + kept)
        return token

    def forget(self, tenant: str, given: OAuth2ClientCredentials, token: str) -> None:
        """Forget a token that the service no longer takes, unless there is a newer one."""
        self._held.drop(_key(tenant, given), token)

    def _ask(self, given: OAuth2ClientCredentials, timeout_seconds: float) -> tuple[str, float]:
        try:
            response = self._egress.send(_request(given), timeout_seconds=timeout_seconds)
        except EgressError as error:
            raise NoToken(f"There is no access token for this action: {error.message}") from None
        if response.status != 200:
            raise NoToken(
                "There is no access token for this action: its authorization server answered with "
                f"the status {response.status}{_reason(response)}."
            )
        return _read(response)


def _key(tenant: str, given: OAuth2ClientCredentials) -> str:
    text = json.dumps([tenant, dump_authentication(given)])
    return hashlib.sha256(text.encode()).hexdigest()


def _request(given: OAuth2ClientCredentials) -> PreparedRequest:
    form = {"grant_type": "client_credentials"}
    if given.scope is not None:
        form["scope"] = given.scope
    if given.audience is not None:
        form["audience"] = given.audience
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    if given.auth_style == "body":
        form |= {"client_id": given.client_id, "client_secret": given.client_secret}
    else:
        headers["Authorization"] = f"Basic {basic_token(given)}"
    return PreparedRequest("POST", given.token_url, headers, urlencode(form).encode())


def _read(response: EgressResponse) -> tuple[str, float]:
    """Return the token of a response, and for how many seconds it is good."""
    answer = _object(response)
    token, kind = answer.get("access_token"), answer.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NoToken("The authorization server of this action gives tokens of an unknown type.")
    usable = isinstance(token, str) and len(token) <= _LONGEST_TOKEN and _TOKEN.fullmatch(token)
    if not isinstance(token, str) or not usable:
        raise NoToken("The authorization server of this action answered without an access token.")
    return token, _seconds(answer.get("expires_in"))


def _seconds(given: object) -> float:
    try:
        # Some servers write the number as a text.
        seconds = float(given) if isinstance(given, int | float | str) else _DEFAULT_SECONDS
    except (ValueError, OverflowError):
        return _DEFAULT_SECONDS
    return min(seconds, _MOST_SECONDS) if seconds > 0 else 0.0


def _reason(response: EgressResponse) -> str:
    error = _object(response).get("error")
    return f" ({error})" if isinstance(error, str) and error in _ERRORS else ""


def _object(response: EgressResponse) -> dict[str, object]:
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
