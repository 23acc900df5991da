"""Calls of actions: from a model's arguments to what the service answered, as a model reads it."""

import time
from collections.abc import Callable
from typing import Final

from adapters.egress import (
    EgressAllowList,
    EgressClient,
    EgressError,
    EgressRefused,
    EgressResponse,
)
from adapters.oauth2 import NoToken, TokenSource
from core.action_calls import ActionAnswer, ActionCall, ActionFailed
from core.credentials import (
    Credentials,
    credentials_of,
    credentials_of_token,
    with_credentials,
    without_owned,
)
from core.masking import Mask
from core.openapi import InvalidArguments, Operation, PreparedRequest, build_request
from core.response_text import Media, read_text
from core.schema.authentication import OAuth2ClientCredentials

MAX_OUTPUT_CHARS: Final = 20_000
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1
_UNAUTHORIZED: Final = 401


class ActionCaller:
    """Sends the request that a call describes.

    The action's credentials go into the request after the model's arguments, and are hidden in
    what comes back.

    Args:
        egress: sends it.
        tokens: gets tokens for actions with OAuth2.
        max_output_chars: how much of a response the model is told; it pays for each character.
        monotonic: gives seconds.
    """

    def __init__(
        self,
        egress: EgressClient,
        tokens: TokenSource,
        max_output_chars: int = MAX_OUTPUT_CHARS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._egress = egress
        self._tokens = tokens
        self._max_output_chars = max_output_chars
        self._monotonic = monotonic

    def call(self, call: ActionCall) -> ActionAnswer:
        """Carry out a call.

        Raises:
            ActionFailed: there is no response; the message says why.
        """
        end = self._monotonic() + call.timeout_seconds
        credentials = self._credentials(call, end)
        response = self._send(call, credentials, end)
        given = call.authentication
        if response.status == _UNAUTHORIZED and isinstance(given, OAuth2ClientCredentials):
            # The service did nothing but refuse the token: it may have been revoked.
            self._tokens.forget(call.tenant, given, credentials.secrets[0])
            credentials = self._credentials(call, end)
            response = self._send(call, credentials, end)
        return ActionAnswer(response.status, self._body_text(response, Mask(credentials.secrets)))

    def _credentials(self, call: ActionCall, end: float) -> Credentials:
        given = call.authentication
        if not isinstance(given, OAuth2ClientCredentials):
            return credentials_of(given)
        try:
            token = self._tokens.get(call.tenant, given, self._left(end))
        except NoToken as error:
            raise ActionFailed(error.message) from None
        return credentials_of_token(given, token)

    def _send(self, call: ActionCall, credentials: Credentials, end: float) -> EgressResponse:
        request = _request(call, credentials)
        try:
            return self._egress.send(
                request,
                timeout_seconds=self._left(end),
                idempotency_key=call.idempotency_key,
            )
        except EgressRefused as error:
            raise ActionFailed(error.message) from None
        except EgressError as error:
            doubt = "" if request.method in _SAFE else " It may or may not have acted."
            raise ActionFailed(error.message + doubt) from None

    def _left(self, end: float) -> float:
        left = end - self._monotonic()
        if left <= 0:
            raise ActionFailed("There was no time left to call the service.")
        return left

    def _body_text(self, response: EgressResponse, mask: Mask) -> str:
        media = Media.parse(response.content_type)
        text = read_text(response.body, media)
        if text is None:
            size = f"{len(response.body):,} bytes"
            size = f"more than {size}" if response.truncated else size
            return f"[The response is not text ({mask.hide(media.type) or 'no type'}, {size}).]"
        # Before anything is cut: the first half of a secret is too much.
        text = mask.hide(text, cut=response.truncated)
        limit = self._max_output_chars
        if len(text) > limit:
            whole = f"more than {len(text):,}" if response.truncated else f"{len(text):,}"
            return f"{text[:limit]}\n[The response was cut: {limit:,} of {whole} characters.]"
        if response.truncated:
            return f"{text}\n[The response was cut: it has more than {len(text):,} characters.]"
        return text


def action_caller(allow: EgressAllowList, max_output_chars: int = MAX_OUTPUT_CHARS) -> ActionCaller:
    """Return a caller.

    Args:
        allow: what may be reached although it is not public.
        max_output_chars: how much of a response the model is told.
    """
    # A redirect (307) would take the form with a client's secret to another host.
    tokens = TokenSource(EgressClient(allow, max_redirects=0))
    return ActionCaller(EgressClient(allow), tokens, max_output_chars)


def _request(call: ActionCall, credentials: Credentials) -> PreparedRequest:
    try:
        operation = Operation.from_json(call.operation)
    except ValueError:
        raise ActionFailed("This action cannot be used: its description is not readable.") from None
    operation, arguments = without_owned(operation, call.arguments, credentials)
    try:
        request = build_request(operation, arguments)
    except InvalidArguments as error:
        raise ActionFailed(error.message) from None
    return with_credentials(request, credentials)
