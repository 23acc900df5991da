"""From a request to what the model answers."""

from collections.abc import Callable, Sequence

from infra.local.scripted_model.chat_request import ChatRequest, Message
from infra.local.scripted_model.conversation import check_order, read_exchange
from infra.local.scripted_model.fault_counter import FaultCounter
from infra.local.scripted_model.plain_answer import answer_plainly
from infra.local.scripted_model.reply import (
    Call,
    Content,
    Failure,
    Faults,
    Pace,
    Reply,
    Stall,
    Usage,
)
from infra.local.scripted_model.script import (
    LONGEST_WAIT_SECONDS,
    Script,
    TokenCount,
    Turn,
    parse_script,
)
from infra.local.scripted_model.tokens import estimate_tokens, number_tokens, split_text

CLOSING = (
    "The script has no further turns, so this is a closing answer. It comes from a scripted model, "
    "not from a language model."
)

_PLAIN_TURN = Turn()


def decide(
    request: ChatRequest, *, rate: float, faults: FaultCounter, new_id: Callable[[], str]
) -> Reply | Failure:
    """Decide how to answer a request.

    Args:
        request: The request.
        rate: Tokens a second, unless the script says otherwise.
        faults: Knows which faults have happened, and counts those that this answer will have.
        new_id: Makes the id of a tool call.

    Raises:
        ApiError: With status 400, if the script is not valid or if the conversation's tool calls
            and results do not match.
    """
    check_order(request.messages)
    exchange = read_exchange(request.messages)
    script = parse_script(exchange.text)
    if script is None:
        plain = answer_plainly(request, exchange, new_id)
        return _compose(request, plain, _PLAIN_TURN, rate, Faults())
    place = exchange.model_calls
    if place >= len(script.turns):
        closing = Content(text=split_text(CLOSING))
        return _compose(request, closing, _PLAIN_TURN, rate, Faults())
    turn = script.turns[place]
    if turn.fail is not None and faults.take(script, place, "fail", turn.fail.times):
        return _fail(turn)
    content = _read_content(turn, place, new_id)
    return _compose(request, content, turn, rate, _choose_faults(script, place, faults))


def _fail(turn: Turn) -> Failure:
    assert turn.fail is not None
    code = turn.fail.code
    if code is None and turn.fail.status == 429:
        code = "rate_limit_exceeded"
    return Failure(turn.fail.status, turn.fail.message, code, turn.fail.retry_after, turn.delay)


def _read_content(turn: Turn, place: int, new_id: Callable[[], str]) -> Content:
    if turn.text is None and turn.refusal is None and not turn.calls:
        return Content(text=split_text(f"This is turn {place + 1} of a script; it gives no text."))
    return Content(
        text=_read_text(turn.text),
        refusal=split_text(turn.refusal or ""),
        calls=tuple(
            Call(new_id() if call.id is None else call.id, call.name, call.raw_arguments)
            for call in turn.calls
        ),
    )


def _read_text(text: str | TokenCount | None) -> tuple[str, ...]:
    return number_tokens(text.tokens) if isinstance(text, TokenCount) else split_text(text or "")


def _choose_faults(script: Script, place: int, counter: FaultCounter) -> Faults:
    turn = script.turns[place]
    stall, cut_after = None, None
    if turn.cut_after is not None and counter.take(script, place, "cut", turn.cut_times):
        cut_after = turn.cut_after
    if turn.stall_after is not None and counter.take(script, place, "stall", turn.stall_times):
        seconds = LONGEST_WAIT_SECONDS if turn.stall == "forever" else turn.stall
        stall = Stall(turn.stall_after, seconds)
        if turn.stall == "forever":  # it never goes on: the stream ends where it stands still
            cut_after = min(turn.stall_after, turn.stall_after if cut_after is None else cut_after)
    return Faults(stall, cut_after, turn.malformed)


def _compose(
    request: ChatRequest, content: Content, turn: Turn, rate: float, faults: Faults
) -> Reply:
    finish = content.finish
    limit = request.token_limit
    if limit is not None and content.tokens > limit:
        content, finish = content.limited(limit), "length"
    return Reply(
        text=content.text,
        refusal=content.refusal,
        calls=content.calls,
        finish=turn.finish or finish,
        usage=_report_usage(request.messages, content, turn),
        pace=Pace(turn.rate or rate, turn.delay, turn.first_token_delay),
        faults=faults,
        fragments=turn.fragments,
    )


def _report_usage(messages: Sequence[Message], content: Content, turn: Turn) -> Usage | None:
    if turn.usage is False:
        return None
    if turn.usage is not None:
        return Usage(turn.usage.prompt_tokens, turn.usage.completion_tokens)
    return Usage(sum(map(_estimate, messages)), content.tokens)


def _estimate(message: Message) -> int:
    calls = (call.function for call in message.tool_calls or ())
    characters = sum(len(call.name) + len(call.arguments) for call in calls)
    return estimate_tokens(characters + len(message.text))
