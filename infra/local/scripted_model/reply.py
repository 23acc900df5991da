"""What the model will say: everything about one answer, decided before its first byte is sent."""

from dataclasses import dataclass, replace

from infra.local.scripted_model.script import FinishReason, FragmentStyle
from infra.local.scripted_model.tokens import CHARACTERS_PER_TOKEN, estimate_tokens


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` is the raw string, which need not be valid JSON."""

    id: str
    name: str
    arguments: str

    @property
    def tokens(self) -> int:
        """The estimated length of the call."""
        return estimate_tokens(len(self.name) + len(self.arguments))


@dataclass(frozen=True, slots=True)
class Usage:
    """How many tokens went in and came out."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Stall:
    """A silence in mid-stream: after so many tokens, for so many seconds."""

    after: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the answer comes.

    Attributes:
        rate: Tokens a second.
        delay: Seconds before the response's headers.
        first_token_delay: Seconds between the headers and the first token.
    """

    rate: float
    delay: float = 0
    first_token_delay: float = 0


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong in the stream.

    Attributes:
        stall: A silence in mid-stream.
        cut_after: After how many tokens the connection is cut.
        malformed: Whether something that is not JSON follows the first token.
    """

    stall: Stall | None = None
    cut_after: int | None = None
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model: its text first, then its refusal, then its calls.

    Attributes:
        text: The text's tokens.
        refusal: The refusal's tokens.
        calls: The tool calls, in order.
        finish: The finish reason.
        usage: What is reported; None if nothing is to be reported.
        pace: How fast it comes.
        faults: What goes wrong on the way.
        fragments: How the calls are cut up in a stream.
    """

    text: tuple[str, ...]
    refusal: tuple[str, ...]
    calls: tuple[Call, ...]
    finish: FinishReason
    usage: Usage | None
    pace: Pace
    faults: Faults = Faults()
    fragments: FragmentStyle = "pieces"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error response that a script asked for.

    Attributes:
        status: The HTTP status, 400 to 599.
        message: The error's message.
        code: The error's code.
        retry_after: Seconds for the `Retry-After` header, if there is to be one.
        delay: Seconds before the response.
    """

    status: int
    message: str
    code: str | None
    retry_after: float | None
    delay: float


@dataclass(frozen=True, slots=True)
class Content:
    """The words and calls of an answer, before anything is known of its pace."""

    text: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    @property
    def tokens(self) -> int:
        """The estimated length of the answer."""
        return len(self.text) + len(self.refusal) + sum(call.tokens for call in self.calls)

    @property
    def finish(self) -> FinishReason:
        """Why a model ends such an answer of its own accord."""
        return "tool_calls" if self.calls else "stop"

    def limited(self, tokens: int) -> "Content":
        """Return what a model gets out before it reaches a limit: a call may end in the middle."""
        text = self.text[:tokens]
        tokens -= len(text)
        refusal = self.refusal[:tokens]
        tokens -= len(refusal)
        calls: list[Call] = []
        for call in self.calls:
            room = tokens * CHARACTERS_PER_TOKEN - len(call.name)
            if room < 0:
                break
            calls.append(replace(call, arguments=call.arguments[:room]))
            tokens -= calls[-1].tokens
        return Content(text, refusal, tuple(calls))
