"""The API as a Lambda function behind an API Gateway REST API."""

import time
from functools import cache
from typing import Any, Final

from mangum import Mangum
from mangum.types import LambdaContext

from api.app import create_app
from wiring.bootstrap import api_context
from wiring.settings import ApiSettings, read_settings
from wiring.telemetry import count, duration, logger, metrics, tracer

# An answer waits this long for its events to be pushed: Lambda freezes what is not done by then.
DRAIN_SECONDS: Final = 5.0
_app = create_app()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], lambda_context: LambdaContext) -> dict[str, Any]:
    """Answer an event of the REST API (payload version 1.0)."""
    began = time.monotonic()
    answer = _gateway()(event, lambda_context)
    if api_context.cache_info().currsize:
        api_context().pusher.drain(DRAIN_SECONDS)
    count("RequestsFailed" if answer["statusCode"] >= 500 else "Requests")
    duration("RequestTime", (time.monotonic() - began) * 1000)
    return answer


@cache
def _gateway() -> Mangum:
    # AWS leaves the stage out of the path; where it is in the path, it is taken off.
    stage = read_settings(ApiSettings).api_stage
    return Mangum(_app, lifespan="off", api_gateway_base_path=f"/{stage}")
