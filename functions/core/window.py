"""How much of a thread the model reads: the strictest of several limits counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from core.message_turns import is_told, message_tokens
from core.records import RunRecord
from core.schema.messages import Message
from core.token_rates import PLAIN_RATE, corrected

# What a step's prompt may have if nobody says otherwise; the models of today take more.
DEFAULT_PROMPT_TOKENS: Final = 100_000
# How many messages that are not told are read for the newest user message: about a dozen queries.
# A question that lies farther back is hardly what all those answers are about.
MAX_PASSED_OVER: Final = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """What the model reads of a thread.

    Attributes:
        messages: oldest first.
        tokens: what they were estimated at.
    """

    messages: list[Message]
    tokens: int


def select_messages(
    newest_first: Iterable[Message], run: RunRecord, taken: int = 0, rate: int = PLAIN_RATE
) -> Selection:
    """Return the messages that the model reads.

    Of the truncation strategy, the prompt's limit and the assistant's memory, the strictest counts.
    The newest user message survives, even if it is larger than all that; a thread without one gives
    at least its newest message. Consumes no more of the thread than it needs: what it returns, one
    message that did not fit, and what lies between it and the newest user message, which is sought
    no farther than `MAX_PASSED_OVER` messages beyond what fits.

    Args:
        newest_first: the thread's messages; those of this run are told by its steps instead.
        run: what was asked for, and what it has used so far.
        taken: the tokens of the prompt that are not the thread's (`fixed_tokens`, corrected).
        rate: corrects what messages are estimated at.
    """
    memory = run.config.memory
    tokens = prompt_left(run) - taken
    if memory is not None and memory.type == "window":
        tokens = min(tokens, memory.max_token_size)
    to_user = memory is not None and memory.type == "zero"
    window = _Window(tokens, most_messages(run), rate, to_user=to_user)
    for message in newest_first:
        if message.run_id == run.id or not is_told(message):
            window.pass_over()
        else:
            window.offer(message)
        if window.closed:
            break
    return window.selection()


def most_messages(run: RunRecord) -> int | None:
    """Return how many of a thread's messages the model reads at most; None if any number."""
    limits: list[int] = []
    strategy, memory = run.config.truncation_strategy, run.config.memory
    if strategy.type == "last_messages" and strategy.last_messages is not None:
        limits.append(strategy.last_messages)
    if memory is not None and memory.type == "window":
        limits.append(memory.window_size)
    return min(limits, default=None)


def prompt_left(run: RunRecord) -> int:
    """Return how many tokens the step's prompt may have.

    As at OpenAI, `max_prompt_tokens` holds for the whole run: each step has what the earlier ones
    left. Without it, each step may have `DEFAULT_PROMPT_TOKENS`.
    """
    limit = run.config.max_prompt_tokens
    return DEFAULT_PROMPT_TOKENS if limit is None else limit - run.usage.prompt_tokens


def is_prompt_spent(run: RunRecord, taken: int) -> bool:
    """Tell whether the run's limit leaves no room for another prompt.

    The first step is always asked: the limit is a best effort, and the measure an estimate.

    Args:
        run: its limit, and what it has used so far.
        taken: what its next prompt needs without any message (`fixed_tokens`, corrected).
    """
    return run.config.max_prompt_tokens is not None and run.step_no > 0 and taken > prompt_left(run)


class _Window:
    """Takes messages, newest first, as long as they fit.

    The newest user message is in it unless too many lie between: if it lies farther back, it takes
    the room of the oldest others.

    Args:
        tokens: how many tokens the messages may have.
        most: how many messages there may be; None if any number.
        rate: corrects what messages are estimated at.
        to_user: whether it ends at the newest user message.
    """

    def __init__(self, tokens: int, most: int | None, rate: int, *, to_user: bool) -> None:
        self._left = tokens
        self._most = most
        self._rate = rate
        self._to_user = to_user
        self._newest: list[tuple[Message, int]] = []
        self._chosen: list[tuple[Message, int]] = []
        self._full = False
        self._has_user = False
        self._passed_over = 0

    @property
    def closed(self) -> bool:
        """Whether no older message can come in."""
        is_done = self._full or self._to_user or len(self._chosen) == self._most
        return (self._has_user and is_done) or self._passed_over >= MAX_PASSED_OVER

    def pass_over(self) -> None:
        """Count a message that does not come in."""
        self._passed_over += 1

    def offer(self, message: Message) -> None:
        """Take the next older message, if it comes in."""
        first_user = message.role == "user" and not self._has_user
        # Nothing is measured that cannot come in.
        comes_in = first_user or not self._full
        if not (comes_in and self._take(message, first_user=first_user)):
            self.pass_over()

    def selection(self) -> Selection:
        """Return what it holds; without any user message, at least the newest message."""
        chosen = self._chosen
        if not self._has_user and (self._to_user or not chosen):
            chosen = self._newest
        messages = [message for message, _ in reversed(chosen)]
        return Selection(messages, sum(tokens for _, tokens in chosen))

    def _take(self, message: Message, *, first_user: bool) -> bool:
        tokens = message_tokens(message)
        self._newest = self._newest or [(message, tokens)]
        cost = corrected(tokens, self._rate)
        self._full = self._full or not self._fits(cost)
        if self._full and not first_user:
            return False
        while self._chosen and not self._fits(cost):
            self._left += corrected(self._chosen.pop()[1], self._rate)
        self._chosen.append((message, tokens))
        self._left -= cost
        self._has_user = self._has_user or first_user
        return True

    def _fits(self, cost: int) -> bool:
        return cost <= self._left and (self._most is None or len(self._chosen) < self._most)
