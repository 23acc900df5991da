"""Actions: operations of a service that a user described with an OpenAPI document."""

import json
from typing import Final

from adapters.egress import EgressClient, EgressError, EgressRefused, EgressResponse
from core.credentials import Credentials, credentials_of, with_credentials, without_owned
from core.masking import Mask
from core.openapi import InvalidArguments, Operation, PreparedRequest, build_request
from tool_worker.registry import ToolCallInput, ToolError, ToolOutput, parse_arguments
from tool_worker.tools.text import Media, read_text

MAX_OUTPUT_CHARS: Final = 20_000
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1


class ActionTool:
    """Sends the request that a call describes, and tells the model what came back.

    The action's credentials go into the request after the model's arguments, and are hidden in
    what comes back.

    Args:
        egress: sends it.
        max_output_chars: how much of a response the model is told; it pays for each character.
    """

    def __init__(self, egress: EgressClient, max_output_chars: int = MAX_OUTPUT_CHARS) -> None:
        self._egress = egress
        self._max_output_chars = max_output_chars

    def run(self, call: ToolCallInput) -> ToolOutput:
        """Carry out the call.

        Returns:
            The body as text if the status is 2xx, else `{"status": 404, "body": …}`.

        Raises:
            ToolError: there is no response; the message says why.
        """
        credentials = credentials_of(call.authentication)
        request = _request(call, credentials)
        try:
            response = self._egress.send(
                request,
                timeout_seconds=call.timeout_seconds,
                idempotency_key=call.idempotency_key,
            )
        except EgressRefused as error:
            raise ToolError(error.message) from None
        except EgressError as error:
            doubt = "" if request.method in _SAFE else " It may or may not have acted."
            raise ToolError(error.message + doubt) from None
        return self._output(response, Mask(credentials.secrets))

    def _output(self, response: EgressResponse, mask: Mask) -> ToolOutput:
        text = self._body_text(response, mask)
        if 200 <= response.status < 300 and text:
            return ToolOutput(text)
        # An empty text would leave the model in doubt whether anything happened.
        return ToolOutput(
            json.dumps({"status": response.status, "body": text}, ensure_ascii=False),
            failed=not 200 <= response.status < 300,
        )

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


def _request(call: ToolCallInput, credentials: Credentials) -> PreparedRequest:
    try:
        operation = Operation.from_json(call.configuration)
    except ValueError:
        raise ToolError("This action cannot be used: its description is not readable.") from None
    operation, arguments = without_owned(operation, parse_arguments(call.arguments), credentials)
    try:
        request = build_request(operation, arguments)
    except InvalidArguments as error:
        raise ToolError(error.message) from None
    return with_credentials(request, credentials)
