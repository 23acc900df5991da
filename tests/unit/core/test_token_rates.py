"""What is learned from the tokens that a model reports, and what is not believed."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.schema.runs import Usage
from core.token_rates import (
    LEAST_RATE,
    LEAST_TOKENS,
    MOST_RATE,
    PLAIN_RATE,
    TokenRates,
    corrected,
    observed_rate,
)

ESTIMATES = st.integers(LEAST_TOKENS, 10**6)
REPORTS = st.integers(-(10**6), 10**7).map(lambda tokens: Usage(prompt_tokens=tokens))


def report(prompt_tokens: int) -> Usage:
    return Usage(prompt_tokens=prompt_tokens)


@given(estimated=st.integers(0, 10**6), usage=REPORTS)
@example(estimated=LEAST_TOKENS, usage=Usage(prompt_tokens=10**400))
def test_no_report_leads_out_of_the_bounds(estimated: int, usage: Usage) -> None:
    rate = observed_rate(estimated, usage)
    assert rate is None or LEAST_RATE <= rate <= MOST_RATE


@given(estimated=ESTIMATES, percent=st.integers(LEAST_RATE // 10 + 1, MOST_RATE // 10))
def test_what_a_report_teaches_corrects_the_estimate_to_it(estimated: int, percent: int) -> None:
    reported = estimated * percent // 100
    rate = observed_rate(estimated, report(reported))
    assert rate is not None
    assert corrected(estimated, rate) == pytest.approx(reported, abs=1 + estimated / 1000)


@pytest.mark.parametrize(
    ("estimated", "reported"),
    [
        (10_000, 0),  # nothing was counted
        (10_000, -5),
        (10_000, 3_990),  # what was in the provider's cache is left out
        (LEAST_TOKENS - 1, 5_000),  # the provider's own words weigh more than the prompt
        (0, 100),
    ],
)
def test_some_reports_teach_nothing(estimated: int, reported: int) -> None:
    rates = TokenRates()
    assert observed_rate(estimated, report(reported)) is None
    assert rates.learn("m", estimated, report(reported)) is None
    assert rates.of("m") == PLAIN_RATE


def test_neither_a_guess_nor_a_silent_model_teaches_anything() -> None:
    rates = TokenRates()
    assert rates.learn("m", None, report(5_000)) is None
    assert rates.learn("m", 5_000, None) is None
    assert rates.of("m") == PLAIN_RATE


@given(tokens=st.integers(0, 10**6), rate=st.integers(LEAST_RATE, MOST_RATE))
def test_a_correction_is_never_less_than_the_rate_says(tokens: int, rate: int) -> None:
    exact = tokens * rate / 1000
    assert exact <= corrected(tokens, rate) < exact + 1
    assert corrected(tokens, PLAIN_RATE) == tokens


def test_a_cold_process_takes_the_estimate_as_it_is_and_learns_each_model_apart() -> None:
    rates = TokenRates()
    assert rates.learn("old", 10_000, report(20_000)) == 2000
    assert rates.of("old") == 1300
    assert rates.of("new") == PLAIN_RATE
    assert rates.learn("old", 10_000, report(20_000)) == 2000
    assert rates.of("old") == 1510


@given(st.lists(st.tuples(ESTIMATES, REPORTS), max_size=30))
def test_an_average_stays_between_what_it_was_made_of(reports: list[tuple[int, Usage]]) -> None:
    rates = TokenRates()
    seen = [PLAIN_RATE]
    for estimated, usage in reports:
        rate = rates.learn("m", estimated, usage)
        seen += [] if rate is None else [rate]
        assert min(seen) <= rates.of("m") <= max(seen)


def test_the_same_report_over_and_over_is_learned_in_the_end() -> None:
    rates = TokenRates()
    for _ in range(40):
        rates.learn("m", 10_000, report(17_000))
    assert rates.of("m") == pytest.approx(1700, abs=2)


def test_names_that_nobody_uses_any_more_are_forgotten() -> None:
    rates = TokenRates()
    rates.learn("kept", 10_000, report(20_000))
    for number in range(500):
        rates.learn(f"model-{number}", 10_000, report(20_000))
        rates.learn("kept", 10_000, report(20_000))
    known = [f"model-{number}" for number in range(500) if rates.of(f"model-{number}") > PLAIN_RATE]
    assert known == [f"model-{number}" for number in range(401, 500)]
    assert rates.of("kept") > PLAIN_RATE
