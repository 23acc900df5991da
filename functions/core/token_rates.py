"""How far the estimate of tokens is off for a model, learned from what the model reports.

A rate says how many tokens the model counts for a thousand estimated ones. It is never believed
beyond its bounds, so no report can make a window absurdly large or small.
"""

from typing import Final

from core.schema.runs import Usage

# The estimate is taken as it is.
PLAIN_RATE: Final = 1000
# The oldest vocabularies make up to three times as many tokens as the one that the estimate was
# fitted to, of some scripts more. None makes do with so few: less than this is what a provider
# reports that leaves out what it had in its cache.
LEAST_RATE: Final = 400
MOST_RATE: Final = 3000
# Providers add up to some hundred tokens of their own to each prompt: in a shorter one they would
# weigh too much.
LEAST_TOKENS: Final = 1000
# Clients name models, and some backends take any name.
_MAX_MODELS: Final = 100
_NEWS_PERCENT: Final = 30


def corrected(tokens: int, rate: int) -> int:
    """Return what the model is likely to count for an estimated number of tokens."""
    return -(-tokens * rate // PLAIN_RATE)


def observed_rate(estimated: int, usage: Usage) -> int | None:
    """Return the rate that a report tells of, within the bounds; None if it tells of nothing.

    Args:
        estimated: the tokens of the prompt as they were estimated.
        usage: what the model reported for it.
    """
    if estimated < LEAST_TOKENS:
        return None
    rate = usage.prompt_tokens * PLAIN_RATE // estimated
    return min(rate, MOST_RATE) if rate >= LEAST_RATE else None


class TokenRates:
    """What a process has learned of models: of each an average in which the newest weigh most."""

    def __init__(self) -> None:
        self._rates: dict[str, int] = {}

    def of(self, model: str) -> int:
        """Return a model's rate; `PLAIN_RATE` if nothing is known of it."""
        return self._rates.get(model, PLAIN_RATE)

    def learn(self, model: str, estimated: int | None, usage: Usage | None) -> int | None:
        """Take a report into a model's average.

        Args:
            model: the model's name.
            estimated: the tokens of the prompt as they were estimated; None if that was a guess.
            usage: what the model reported; None if it did not.

        Returns:
            The rate that this report tells of; None if it tells of nothing.
        """
        rate = None if estimated is None or usage is None else observed_rate(estimated, usage)
        if rate is not None:
            known = self.of(model)
            # The model that was heard of least lately is forgotten first.
            self._rates.pop(model, None)
            self._rates[model] = known + round((rate - known) * _NEWS_PERCENT / 100)
            if len(self._rates) > _MAX_MODELS:
                del self._rates[next(iter(self._rates))]
        return rate
