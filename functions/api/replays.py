"""Answers a request that was answered before, as it was answered then."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import ValidationError

from adapters.dynamodb.idempotency import Repeated
from api.errors import error_response
from api.event_stream import stream_from
from api.services.streaming import StreamPlace, refuse_stream
from core.errors import InvalidRequest

# Tells a client that nothing was done for this request: it gets the first one's answer.
REPLAYED: Final = "idempotent-replayed"


def answer_again(request: Request, error: Exception) -> Response:
    """Return the first answer: its body, or its stream from the same place."""
    assert isinstance(error, Repeated)
    response: Response
    try:
        place = StreamPlace.model_validate_json(error.answer)
    except ValidationError:
        response = Response(error.answer, media_type="application/json")
    else:
        try:
            refuse_stream(request.app.state.context(), True)
        except InvalidRequest as refusal:
            return error_response(refusal)
        response = stream_from(request, place)
    response.headers[REPLAYED] = "true"
    return response
