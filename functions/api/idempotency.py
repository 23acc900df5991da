"""Reads off a request whether it is sent again, so that it is answered again and not done again."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from adapters.dynamodb.idempotency import Once
from api.dependencies import Context
from core.errors import InvalidRequest
from core.idempotency import MAX_KEY_LENGTH, Attempt, digest
from core.keys import KeyRecord
from wiring.bootstrap import ApiContext

IDEMPOTENCY_KEY = "idempotency-key"
# https://github.com/openai/openai-python: each attempt says how many came before it.
RETRY_COUNT = "x-stainless-retry-count"
_MOST_RETRIES = 1000


async def read_attempt(request: Request, context: Context) -> Attempt:
    """Return what tells this arrival of a request from others, and equal ones from each other.

    Raises:
        InvalidRequest: the `Idempotency-Key` cannot be one.
    """
    caller: KeyRecord = request.state.caller
    target = f"{request.method} {request.url.path}?{request.url.query}"
    # A form's boundary differs from attempt to attempt: whoever reads the form says what is in it.
    form = request.headers.get("content-type", "").lower().startswith("multipart/")
    body = b"" if form else await request.body()
    return Attempt(
        caller=caller.id,
        fingerprint=digest(target, body),
        arrived_ms=_arrived_ms(request, context),
        retries=_retries(request.headers.get(RETRY_COUNT)),
        key=_key(request.headers.get(IDEMPOTENCY_KEY)),
    )


async def _once(
    request: Request, context: Context, attempt: Annotated[Attempt, Depends(read_attempt)]
) -> Once:
    caller: KeyRecord = request.state.caller
    return await run_in_threadpool(context.answers.once, caller.tenant, attempt)


# For endpoints that make something from a JSON body.
OnlyOnce = Annotated[Once, Depends(_once)]
# For endpoints that read a form, and look for the first answer themselves.
ThisAttempt = Annotated[Attempt, Depends(read_attempt)]


def _arrived_ms(request: Request, context: ApiContext) -> int:
    """Return when the gateway got the request: before whatever start-up held it back."""
    event = request.scope.get("aws.event") or {}
    arrived = event.get("requestContext", {}).get("requestTimeEpoch")
    return int(arrived) if arrived else context.clock()


def _retries(header: str | None) -> int:
    if header is None or not header.isascii() or not header.isdigit():
        return 0
    return min(int(header[:6]), _MOST_RETRIES)


def _key(header: str | None) -> str | None:
    if not header:
        return None
    if len(header) > MAX_KEY_LENGTH:
        raise InvalidRequest(
            f"Invalid 'Idempotency-Key': it may have up to {MAX_KEY_LENGTH} characters.",
            param="Idempotency-Key",
            code="invalid_value",
        )
    return header
