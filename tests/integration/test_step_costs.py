"""What each part of a run asks of AWS: as docs/costs.md has it, and no more."""

from functools import cache
from pathlib import Path

from bench.steps import HEADER, StepCost, measure_steps

_DOCUMENT = Path(__file__).parents[2] / "docs" / "costs.md"


@cache
def costs() -> dict[str, StepCost]:
    """Return what was measured, by part."""
    return {cost.part: cost for cost in measure_steps()}


def test_the_document_has_what_is_measured() -> None:
    document = _DOCUMENT.read_text(encoding="utf-8")
    assert "\n".join([HEADER, *(cost.row() for cost in costs().values())]) in document


def test_a_further_flush_is_one_write_and_one_query() -> None:
    one, three = (
        costs()[f"step: an answer in {flushes}"] for flushes in ("one flush", "three flushes")
    )
    assert three.requests == one.requests.replace("4 Query", "2 PutItem, 6 Query")
    assert three.write_units == one.write_units + 2
    assert three.read_units == one.read_units + 2


def test_who_watches_costs_pushes_and_no_requests() -> None:
    alone, watched = (
        costs()["step: an answer in three flushes"],
        costs()["the same, with one subscriber"],
    )
    assert (alone.requests, alone.pushes) == (watched.requests, 0)
    # What announces the claim, three flushes, and the end.
    assert watched.pushes == 5


def test_a_check_is_one_read() -> None:
    for part in ("check: somebody works on the run", "check: the step is sent for again"):
        assert (costs()[part].requests, costs()[part].write_units) == ("1 GetItem", 0)
