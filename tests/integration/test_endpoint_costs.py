"""What each endpoint asks of AWS: as docs/costs.md has it, and no more."""

from functools import cache
from pathlib import Path

from bench.endpoints import HEADER, Cost, measure, measure_long_list

_DOCUMENT = Path(__file__).parents[2] / "docs" / "costs.md"


@cache
def costs() -> dict[str, Cost]:
    """Return what was measured, by endpoint."""
    return {cost.endpoint: cost for cost in measure()}


def test_the_document_has_what_is_measured() -> None:
    document = _DOCUMENT.read_text(encoding="utf-8")
    table = "\n".join([HEADER, *(cost.row() for cost in costs().values())])
    assert table in document


def test_a_retrieval_is_one_read_and_a_list_one_query() -> None:
    for endpoint, cost in costs().items():
        if not endpoint.startswith("GET") or "run_id" in endpoint:
            continue
        one = endpoint.endswith(("{id}", "content"))
        assert cost.requests == ("1 GetItem" if one else "1 Query"), endpoint
        assert (cost.read_units, cost.write_units, cost.messages) == (1, 0, 0)


def test_a_message_is_one_transaction() -> None:
    assert costs()["POST /threads/{id}/messages"].requests == "1 transaction"


def test_a_run_is_one_transaction_and_two_messages() -> None:
    for endpoint in ("POST /threads/{id}/runs", "POST /threads/runs"):
        # The read is the assistant's.
        assert costs()[endpoint].requests == "1 GetItem, 1 transaction"
        assert costs()[endpoint].messages == 2


def test_listing_a_long_thread_costs_what_listing_a_short_one_costs() -> None:
    short, long = measure_long_list()
    assert (long.requests, long.read_units) == (short.requests, short.read_units)
    assert short.requests == "1 Query"
