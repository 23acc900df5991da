"""The server's routes."""

import logging
import secrets
import time
import traceback
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from infra.local.scripted_model import wire
from infra.local.scripted_model.chat_request import ChatRequest, parse_request
from infra.local.scripted_model.decision import decide
from infra.local.scripted_model.errors import ApiError
from infra.local.scripted_model.fault_counter import FaultCounter
from infra.local.scripted_model.playback import (
    Playback,
    RefusedRequest,
    StreamedReply,
    WholeReply,
)
from infra.local.scripted_model.recorder import Recorder, RequestRecord
from infra.local.scripted_model.reply import Failure, Reply

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server's user may choose.

    Attributes:
        tokens_per_second: How fast answers come, unless a script says otherwise.
        api_key: The only key to accept; None to accept any.
    """

    tokens_per_second: float = 40
    api_key: str | None = None

    def __post_init__(self) -> None:
        """Refuse a pace at which nothing would ever come."""
        if not self.tokens_per_second > 0:
            raise ValueError("tokens_per_second must be above 0")


class _Api:
    """The handlers of the routes, and what they share."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self._settings = settings
        self._recorder = recorder
        self._faults = FaultCounter()

    async def show_notice(self, _request: Request) -> ASGIApp:
        """GET /: say what this is."""
        return _respond({"object": "server", "description": wire.NOTICE})

    async def list_models(self, request: Request) -> ASGIApp:
        """GET /v1/models."""
        self._check_key(request)
        return _respond({"object": "list", "data": [wire.describe_model()]})

    async def show_model(self, request: Request) -> ASGIApp:
        """GET /v1/models/{model}."""
        self._check_key(request)
        model = request.path_params["model"]
        if model != wire.MODEL:
            message = f"The model {model!r} does not exist. {wire.NOTICE}"
            raise ApiError(404, message, code="model_not_found", param="model")
        return _respond(wire.describe_model())

    async def create_completion(self, request: Request) -> ASGIApp:
        """POST /v1/chat/completions."""
        raw = await request.body()
        record = self._recorder.begin(raw, request.client.port if request.client else 0)
        try:
            self._check_key(request)
            return self._answer(parse_request(raw), record)
        except ApiError as error:
            return RefusedRequest(error, record)
        except Exception as error:
            return RefusedRequest(_log_defect(error), record)

    async def list_requests(self, request: Request) -> ASGIApp:
        """GET /requests: the recorded requests, oldest first."""
        self._check_key(request, optional=True)
        data = [record.describe() for record in self._recorder.list()]
        return _respond({"object": "list", "data": data})

    async def clear_requests(self, request: Request) -> ASGIApp:
        """DELETE /requests: forget the recorded requests."""
        self._check_key(request, optional=True)
        self._recorder.clear()
        return Response(status_code=204)

    def _answer(self, request: ChatRequest, record: RequestRecord) -> Playback:
        decision = decide(
            request,
            rate=self._settings.tokens_per_second,
            faults=self._faults,
            new_id=lambda: f"call_{secrets.token_hex(12)}",
        )
        if isinstance(decision, Failure):
            return _fail(decision, record)
        return _play(decision, request, record)

    def _check_key(self, request: Request, *, optional: bool = False) -> None:
        """Refuse a request without the right bearer token.

        Args:
            request: The request.
            optional: Whether it needs one only if the server's user has set a key.

        Raises:
            ApiError: With status 401.
        """
        wanted = self._settings.api_key
        if optional and wanted is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        given = given.strip()
        if scheme.lower() != "bearer" or not given:
            raise ApiError(401, "You didn't provide an API key. Use 'Authorization: Bearer KEY'.")
        if wanted is not None and not secrets.compare_digest(given.encode(), wanted.encode()):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")


def make_app(settings: Settings, recorder: Recorder) -> Starlette:
    """Build the server's ASGI application.

    Args:
        settings: What its user chose.
        recorder: Where it records the requests for completions.
    """
    api = _Api(settings, recorder)
    return Starlette(
        routes=[
            Route("/", api.show_notice, methods=["GET"]),
            Route("/v1/models", api.list_models, methods=["GET"]),
            Route("/v1/models/{model:path}", api.show_model, methods=["GET"]),
            Route("/v1/chat/completions", api.create_completion, methods=["POST"]),
            Route("/requests", api.list_requests, methods=["GET"]),
            Route("/requests", api.clear_requests, methods=["DELETE"]),
        ],
        exception_handlers={ApiError: _show_error, HTTPException: _show_routing_error},
    )


def _play(reply: Reply, request: ChatRequest, record: RequestRecord) -> Playback:
    envelope = wire.Envelope(
        completion_id=f"chatcmpl-{secrets.token_hex(12)}",
        created=int(time.time()),
        model=request.model,
        wants_usage=request.wants_usage,
    )
    record.completion_id = envelope.completion_id
    return (StreamedReply if request.stream else WholeReply)(reply, envelope, record)


def _fail(failure: Failure, record: RequestRecord) -> Playback:
    wait = failure.retry_after
    headers = {} if wait is None else {"retry-after": f"{wait:g}"}
    error = ApiError(failure.status, failure.message, code=failure.code, headers=headers)
    return RefusedRequest(error, record, failure.delay)


def _log_defect(error: Exception) -> ApiError:
    """Log where an unforeseen error was raised, but not its text, which may quote a message."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s in the scripted model server\n%s", type(error).__name__, frames)
    return ApiError(500, "The scripted model server has a defect; its log says where.")


def _respond(content: object, status: int = 200) -> Response:
    return Response(wire.encode(content), status, media_type="application/json")


async def _show_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _respond(error.body(), error.status)


async def _show_routing_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"Invalid URL ({request.method} {request.url.path})"
    code = "unknown_url" if error.status_code == 404 else None
    return _respond(ApiError(error.status_code, message, code=code).body(), error.status_code)
