"""The API as a Lambda function behind an API Gateway REST API."""

import base64
import time
from functools import cache
from typing import Any

from mangum import Mangum
from mangum.handlers.api_gateway import APIGateway
from mangum.types import LambdaContext, Response

from api.app import create_app
from api.invocations import finish_pushes, measure_request
from wiring.settings import ApiSettings, read_settings
from wiring.telemetry import logger, metrics, tracer

_app = create_app()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], lambda_context: LambdaContext) -> dict[str, Any]:
    """Answer an event of the REST API (payload version 1.0)."""
    began = time.monotonic()
    answer = _gateway()(event, lambda_context)
    finish_pushes()
    measure_request(answer["statusCode"], time.monotonic() - began)
    return answer


class _Gateway(APIGateway):
    """Sends files in base64, whatever they are.

    Lambda's answer is JSON. A text's line breaks and quotes would double in it, and a file that is
    within the limit for uploads could not be fetched again.
    """

    def __call__(self, response: Response) -> dict[str, Any]:
        answer = super().__call__(response)
        names = {name.lower() for name, _ in response["headers"]}
        if b"content-disposition" in names and not answer["isBase64Encoded"]:
            answer["body"] = base64.b64encode(response["body"]).decode()
            answer["isBase64Encoded"] = True
        return answer


@cache
def _gateway() -> Mangum:
    # AWS leaves the stage out of the path; where it is in the path, it is taken off.
    stage = read_settings(ApiSettings).api_stage
    return Mangum(
        _app,
        lifespan="off",
        api_gateway_base_path=f"/{stage}",
        custom_handlers=[_Gateway],
    )
