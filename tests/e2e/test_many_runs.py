"""Runs beside each other, and races for one thread."""

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from openai.types.beta.threads import Run

from infra.local.info import StackInfo
from tests.support.service import Service, script, text_of, tokens
from threadrunner_client import Client, Event, SubscriptionError

RUNS = 10


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service; each of the emulated functions starts cold, one after the other."""
    return Service(stack, stack.base_url)


def watch_together(service: Service, content: list[str]) -> list[tuple[Run, list[Event]]]:
    """Have runs answer at the same time; return them with what their watchers saw."""
    threads = [service.thread(text) for text in content]
    with ThreadPoolExecutor(len(threads)) as pool:
        runs = list(pool.map(service.start, threads))
        return list(zip(runs, pool.map(service.watch, runs), strict=True))


def test_ten_runs_at_once_all_complete_and_their_streams_interleave(service: Service) -> None:
    # The emulator unpacks its functions for each worker, which may take it half a minute for ten.
    watch_together(service, [script({"text": {"tokens": 5}, "rate": 5}) for _ in range(RUNS)])
    content = [script({"text": {"tokens": 100}, "rate": 10}) for _ in range(RUNS)]
    for run, events in watch_together(service, content):
        assert text_of(events) == tokens(100)
        assert events[-1].event == "thread.run.completed"
        assert [event.id for event in events] == service.logged(run)
    asked = {
        request["body"]["messages"][-1]["content"]: request for request in service.model_requests()
    }
    spans = [(asked[text]["chunk_times"][0], asked[text]["chunk_times"][-1]) for text in content]
    last_begin = max(begin for begin, _ in spans)
    first_end = min(end for _, end in spans)
    assert last_begin < first_end, "some run waited for another to finish"


def test_of_many_runs_racing_for_a_thread_exactly_one_wins_and_the_others_name_it(
    service: Service,
) -> None:
    thread_id = service.thread(script({"text": {"tokens": 40}, "rate": 20}))

    def race(_: int) -> str:
        try:
            return service.start(thread_id).id
        except openai.BadRequestError as error:
            return error.message

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(race, range(8)))
    (winner,) = [answer for answer in answers if answer.startswith("run_")]
    refused = [answer for answer in answers if not answer.startswith("run_")]
    assert len(refused) == 7
    words = f"Thread {thread_id} already has an active run {winner}."
    assert all(words in answer for answer in refused)
    with pytest.raises(openai.BadRequestError) as refusal:
        service.sdk.beta.threads.messages.create(thread_id, role="user", content="Me too")
    assert f"Can't add messages to {thread_id} while a run {winner} is active." in str(
        refusal.value
    )


def test_watchers_who_join_at_any_moment_see_the_same(service: Service) -> None:
    thread_id = service.thread(script({"text": {"tokens": 120}, "rate": 40}))
    run = service.start(thread_id)

    def join(_: int) -> list[str]:
        return [event.id for event in service.watch(run)]

    with ThreadPoolExecutor(6) as pool:
        transcripts = list(pool.map(join, range(12)))
    assert all(transcript == service.logged(run) for transcript in transcripts)


def test_a_stranger_hears_nothing(service: Service) -> None:
    thread_id = service.thread("Mine.")
    run = service.start(thread_id)
    service.wait(run)
    admin = openai.OpenAI(base_url=service.base_url, api_key=service.info.admin_key)
    project = admin.post("/organization/projects", body={"name": "stranger"}, cast_to=dict)
    account = admin.post(
        f"/organization/projects/{project['id']}/service_accounts",
        body={"name": "spy"},
        cast_to=dict,
    )
    key = account["api_key"]["value"]
    stranger = openai.OpenAI(base_url=service.base_url, api_key=key)
    with pytest.raises(openai.NotFoundError):
        stranger.beta.threads.retrieve(thread_id)
    with (
        Client(service.info.websocket_url, key) as client,
        pytest.raises(SubscriptionError, match=r"No .* found"),
        client.subscribe(thread_id=thread_id, run_id=run.id) as events,
    ):
        list(events)
