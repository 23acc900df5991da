"""The script that a user message may carry: what it may say, and how it is read."""

import json
import re
from typing import Annotated, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from infra.local.scripted_model.errors import ApiError, describe_failure

LONGEST_WAIT_SECONDS = 600
MOST_TOKENS = 200_000

_MARK = re.compile(r"^@script(?!\w)\s*", re.MULTILINE)

Seconds = Annotated[float, Field(ge=0, le=LONGEST_WAIT_SECONDS)]
Count = Annotated[int, Field(ge=0)]
Times = Annotated[int, Field(ge=1)]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
FragmentStyle = Literal[
    "pieces", "whole", "no_index", "no_id", "empty_names", "arguments_first", "interleaved"
]


class _Part(BaseModel):
    # A script with a misspelled field must not pass for one without it.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class TokenCount(_Part):
    """So many numbered tokens instead of a text."""

    tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)]


class ScriptedCall(_Part):
    """A tool call to make; arguments given as a string are sent as they are, even if broken."""

    name: str
    arguments: dict[str, object] | str = {}
    id: str | None = None

    @property
    def raw_arguments(self) -> str:
        """The arguments as they are streamed."""
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(self.arguments, ensure_ascii=False, separators=(",", ":"))


class ScriptedFailure(_Part):
    """An error response in place of the turn."""

    status: Annotated[int, Field(ge=400, le=599)]
    retry_after: Annotated[float, Field(ge=0)] | None = None
    message: str = "The script asked for this failure."
    code: str | None = None
    times: Times | None = None


class UsageOverride(_Part):
    """The usage to report, instead of an estimate."""

    prompt_tokens: Count
    completion_tokens: Count


class Turn(_Part):
    """One call of the model. Every field is optional; `docs/scripted-model.md` explains each."""

    text: str | TokenCount | None = None
    refusal: str | None = None
    calls: list[ScriptedCall] = []
    rate: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    delay: Seconds = 0
    first_token_delay: Seconds = 0
    stall_after: Count | None = None
    stall: Seconds | Literal["forever"] = "forever"
    stall_times: Times | None = None
    cut_after: Count | None = None
    cut_times: Times | None = None
    fail: ScriptedFailure | None = None
    finish: FinishReason | None = None
    malformed: bool = False
    usage: UsageOverride | Literal[False] | None = None
    fragments: FragmentStyle = "pieces"

    @model_validator(mode="after")
    def _know_where_the_faults_lie(self) -> Self:
        for needy, needed in (
            ("stall", "stall_after"),
            ("stall_times", "stall_after"),
            ("cut_times", "cut_after"),
        ):
            if needy in self.model_fields_set and getattr(self, needed) is None:
                raise ValueError(f"{needy!r} needs {needed!r} beside it")
        return self


class Script(_Part):
    """The turns to take after the message that carries the script.

    Its name has no meaning of its own: it tells apart scripts that are otherwise the same, because
    failures are counted for each script.
    """

    turns: list[Turn]
    name: str = ""


def parse_script(text: str) -> Script | None:
    """Read the script in a user message.

    Args:
        text: The message. Its script is a line that begins with `@script ` and a JSON object; the
            object may go on over further lines, and what follows it is not read.

    Returns:
        The script, or None if the message has none.

    Raises:
        ApiError: With status 400, if there are several scripts or the one is not valid.
    """
    starts = [mark.end() for mark in _MARK.finditer(text)]
    if not starts:
        return None
    if len(starts) > 1:
        _refuse("a message may have only one")
    try:
        document, _end = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(
            text, starts[0]
        )
    except json.JSONDecodeError as error:
        line = error.lineno - text.count("\n", 0, starts[0])
        _refuse(f"it is not JSON: {error.msg} (its line {line}, column {error.colno})")
    except RecursionError:
        _refuse("it is nested too deeply")
    try:
        return Script.model_validate(document)
    except ValidationError as error:
        reason, place = describe_failure(error, document)
        _refuse(f"{place}: {reason}" if place else reason)


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON")


def _refuse(reason: str) -> NoReturn:
    message = f"The @script of the last user message is not valid: {reason}."
    raise ApiError(400, message, code="invalid_script", param="messages")
