"""When each part of an answer is sent, and where the stream breaks.

Every time is counted from the response's headers, never from the part before: a part that is sent
late delays none of those that follow it, so the pace does not drift.
"""

from dataclasses import dataclass

from infra.local.scripted_model.fragments import cut_calls
from infra.local.scripted_model.reply import Reply


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the message; all but the first, which holds the role, are tokens."""

    fields: dict[str, object]
    is_token: bool = True


@dataclass(frozen=True, slots=True)
class Garbage:
    """Something that is not JSON."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The regular end of the answer."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of the connection."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An event of a stream, and when it happens: seconds after the headers."""

    at: float
    event: Delta | Garbage | Finish | Cut


def build_timeline(reply: Reply) -> list[Timed]:
    """List everything that happens in the stream of an answer.

    A token is a delta that carries text, a refusal or a fragment of a call.

    Returns:
        The events in the order of their times; the last one is a `Finish` or a `Cut`.
    """
    tokens = list_tokens(reply)
    timeline = [Timed(0, Delta(_opening(reply), is_token=False))]
    cut_after = reply.faults.cut_after
    for place, fields in enumerate(tokens[:cut_after]):
        timeline.append(Timed(_time(reply, place), Delta(fields)))
        if place == 0 and reply.faults.malformed:
            timeline.append(Timed(timeline[-1].at, Garbage()))
    if cut_after is not None and cut_after < len(tokens):
        timeline.append(Timed(_time(reply, cut_after), Cut()))
        return timeline
    if not tokens and reply.faults.malformed:
        timeline.append(Timed(0, Garbage()))
    timeline.append(Timed(_end(reply, len(tokens)), Finish() if cut_after is None else Cut()))
    return timeline


def list_tokens(reply: Reply) -> list[dict[str, object]]:
    """List the deltas that carry the answer: its text, its refusal, its calls."""
    tokens: list[dict[str, object]] = []
    tokens += ({"content": token} for token in reply.text)
    tokens += ({"refusal": token} for token in reply.refusal)
    tokens += ({"tool_calls": [part]} for part in cut_calls(reply.calls, reply.fragments))
    return tokens


def _opening(reply: Reply) -> dict[str, object]:
    # As OpenAI does: the content of an answer that has none is null and not an empty text.
    has_text = bool(reply.text) or not (reply.refusal or reply.calls)
    return {"role": "assistant", "content": "" if has_text else None, "refusal": None}


def _time(reply: Reply, place: int) -> float:
    """Return when the token at a place is due."""
    stall = reply.faults.stall
    silence = stall.seconds if stall is not None and place >= stall.after else 0
    return reply.pace.first_token_delay + place / reply.pace.rate + silence


def _end(reply: Reply, tokens: int) -> float:
    """Return when the answer is over; a fault that lies beyond its last token comes then."""
    last = _time(reply, tokens - 1) if tokens else reply.pace.first_token_delay
    stall = reply.faults.stall
    return last + (stall.seconds if stall is not None and stall.after >= tokens else 0)
