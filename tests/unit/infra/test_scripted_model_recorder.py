"""What the server remembers of its requests."""

import time

from infra.local.scripted_model import recorder as recorder_module
from infra.local.scripted_model.recorder import MOST_REQUESTS, Recorder


def test_the_last_thousand_requests_are_kept_oldest_first() -> None:
    recorder = Recorder()

    for _ in range(MOST_REQUESTS + 5):
        recorder.begin(b"{}", 1)

    assert [record.number for record in recorder.list()] == list(range(6, MOST_REQUESTS + 6))


def test_large_bodies_push_out_older_ones_but_never_the_newest() -> None:
    recorder = Recorder()
    half = b"x" * (recorder_module.MOST_BYTES // 2)

    for raw in (b"small", half, half, half + half + b"too large"):
        recorder.begin(raw, 1)

    assert [record.number for record in recorder.list()] == [4]
    recorder.begin(b"small", 1)
    assert [record.number for record in recorder.list()] == [5]


def test_clearing_forgets_the_requests_but_not_how_many_there_were() -> None:
    recorder = Recorder()
    recorder.begin(b"{}", 1)

    recorder.clear()

    assert recorder.list() == []
    assert recorder.begin(b"{}", 1).number == 2


def test_a_record_shows_the_body_and_what_was_written_when() -> None:
    before = time.time()
    record = Recorder().begin(b'{"model": "m"}', 4_711)
    record.note_chunk(is_token=False)
    record.note_chunk(is_token=True)
    record.close("completed")

    shown = record.describe()

    assert shown["body"] == record.body == {"model": "m"}
    assert (shown["peer_port"], shown["tokens"], shown["chunks"]) == (4_711, 1, 2)
    moments = [before, record.received_at, *record.chunk_times, record.finished_at, time.time()]
    assert moments == sorted(moment for moment in moments if moment is not None)


def test_the_first_outcome_stays() -> None:
    record = Recorder().begin(b"", 1)
    assert (record.outcome, record.finished_at) == ("in_progress", None)

    record.close("cut")
    record.close("disconnected")

    assert record.outcome == "cut"


def test_a_body_that_is_not_json_is_shown_as_none_and_never_in_a_representation() -> None:
    record = Recorder().begin(b"swordfish", 1)

    assert record.body is None
    assert "swordfish" not in repr(record)
