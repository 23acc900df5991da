"""What each provider of web search is sent, and how its answers are read."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.secrets import SecretValue
from core.openapi import PreparedRequest
from tool_worker.search import SearchFailed, SearchProvider, SearchQuery, SearchResult
from tool_worker.search.brave import Brave
from tool_worker.search.choice import chosen_provider
from tool_worker.search.searxng import Searxng
from tool_worker.search.tavily import Tavily
from wiring.settings import SettingsError, WorkerSettings

KEY = SecretValue(lambda: "hush-hush\n")
PROVIDERS: list[SearchProvider] = [Tavily(KEY), Brave(KEY), Searxng("http://searx.internal")]


def query(text: str = "spring tides", **fields: Any) -> SearchQuery:
    return SearchQuery(text=text, **{"max_results": 5} | fields)


def parameters(request: PreparedRequest) -> dict[str, str]:
    given = parse_qs(urlsplit(request.url).query, strict_parsing=True)
    assert all(len(values) == 1 for values in given.values())
    return {name: values[0] for name, values in given.items()}


def test_tavily_is_sent_json_with_the_key_as_a_bearer_token() -> None:
    request = Tavily(KEY).request(query(max_results=7, allowed_domains=("a.example",)))
    assert (request.method, request.url) == ("POST", "https://api.tavily.com/search")
    assert request.headers["Authorization"] == "Bearer hush-hush"
    assert request.headers["Content-Type"] == "application/json"
    assert request.body is not None
    body = json.loads(request.body)
    assert (body["query"], body["max_results"]) == ("spring tides", 7)
    assert (body["include_domains"], body["exclude_domains"]) == (["a.example"], [])
    assert "hush" not in request.body.decode() + request.url


def test_tavily_is_told_which_domains_to_leave_out() -> None:
    request = Tavily(KEY).request(query(blocked_domains=("b.example", "c.example")))
    assert json.loads(request.body or b"")["exclude_domains"] == ["b.example", "c.example"]


def test_brave_is_sent_the_key_in_its_own_header_and_nowhere_else() -> None:
    request = Brave(KEY).request(query("tides & Gezeiten"))
    assert (request.method, request.body) == ("GET", None)
    assert request.url.startswith("https://api.search.brave.com/res/v1/web/search?")
    assert request.headers["X-Subscription-Token"] == "hush-hush"
    assert "hush" not in request.url
    assert parameters(request) == {
        "q": "tides & Gezeiten",
        "count": "5",
        "result_filter": "web",
        "text_decorations": "false",
    }


def test_searxng_is_asked_for_json_below_its_base_url_and_needs_no_key() -> None:
    request = Searxng("http://searx.internal:8080/search-app/").request(query())
    assert request.url.startswith("http://searx.internal:8080/search-app/search?")
    assert parameters(request) == {
        "q": "spring tides",
        "format": "json",
        "categories": "general",
    }
    assert request.headers == {"Accept": "application/json"}


@pytest.mark.parametrize("provider", [Brave(KEY), Searxng("http://searx.internal")])
@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"allowed_domains": ("a.example",)}, "spring tides site:a.example"),
        (
            {"allowed_domains": ("a.example", "b.example")},
            "spring tides (site:a.example OR site:b.example)",
        ),
        (
            {"blocked_domains": ("a.example", "b.example")},
            "spring tides -site:a.example -site:b.example",
        ),
    ],
)
def test_domains_become_operators(
    provider: SearchProvider, fields: dict[str, Any], asked: str
) -> None:
    assert parameters(provider.request(query(**fields)))["q"] == asked


@pytest.mark.parametrize("side", ["allowed_domains", "blocked_domains"])
@pytest.mark.parametrize("text", ["w " * 60, "w" * 400, "tides"])
def test_a_query_with_its_operators_stays_within_what_brave_takes(side: str, text: str) -> None:
    domains = tuple(f"{'long' * 15}.d{number}.example" for number in range(20))
    asked = parameters(Brave(KEY).request(query(text.strip(), **{side: domains})))["q"]
    assert len(asked) <= 400
    assert len(asked.split()) <= 50
    assert asked.startswith(text.split()[0])


def test_brave_is_asked_for_more_where_a_filter_takes_some_away() -> None:
    assert parameters(Brave(KEY).request(query(blocked_domains=("a.example",))))["count"] == "20"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("!!g tides", "g tides"),
        ("tides !images ! !!", "tides images"),
        ("C++ a!b", "C++ a!b"),
    ],
)
def test_a_query_does_not_command_searxng(text: str, asked: str) -> None:
    assert parameters(Searxng("http://s.example").request(query(text)))["q"] == asked


def test_results_are_read_from_tavilys_answer() -> None:
    answer = {
        "query": "tides",
        "answer": None,
        "results": [
            {"title": "A", "url": "https://a.example", "content": "Text.", "score": 0.9},
            {
                "title": "B",
                "url": "https://b.example",
                "content": "News.",
                "published_date": "Mon, 02 Nov 2026 10:00:00 GMT",
            },
        ],
    }
    assert Tavily(KEY).results(answer) == [
        SearchResult("A", "https://a.example", "Text.", None),
        SearchResult("B", "https://b.example", "News.", "Mon, 02 Nov 2026 10:00:00 GMT"),
    ]


def test_results_are_read_from_braves_answer_without_its_entities() -> None:
    answer = {
        "type": "search",
        "web": {
            "type": "search",
            "results": [
                {
                    "title": "Ebb &amp; flow",
                    "url": "https://a.example/?x=1&amp=2",
                    "description": "It&#x27;s high.",
                    "page_age": "2026-11-02T10:00:00",
                    "age": "2 days ago",
                }
            ],
        },
    }
    assert Brave(KEY).results(answer) == [
        SearchResult(
            "Ebb & flow", "https://a.example/?x=1&amp=2", "It's high.", "2026-11-02T10:00:00"
        )
    ]


def test_results_are_read_from_searxngs_answer() -> None:
    answer = {
        "query": "tides",
        "results": [
            {
                "title": "A",
                "url": "https://a.example",
                "content": "Text.",
                "publishedDate": None,
                "engine": "duckduckgo",
            },
            {"title": "B", "url": "https://b.example", "publishedDate": "2026-11-02T00:00:00"},
        ],
        "unresponsive_engines": [["brave", "timeout"]],
    }
    assert Searxng("http://s.example").results(answer) == [
        SearchResult("A", "https://a.example", "Text.", None),
        SearchResult("B", "https://b.example", "", "2026-11-02T00:00:00"),
    ]


@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        (Tavily(KEY), {"results": []}),
        (Brave(KEY), {"type": "search", "query": {"original": "x"}}),
        (Brave(KEY), {"web": {"results": []}}),
        (Searxng("http://s.example"), {"results": [], "unresponsive_engines": []}),
    ],
)
def test_nothing_found_is_no_failure(provider: SearchProvider, answer: object) -> None:
    assert provider.results(answer) == []


def test_silence_of_all_engines_is_not_taken_for_nothing_found() -> None:
    answer = {"results": [], "unresponsive_engines": [["google", "CAPTCHA: SECRET"]]}
    with pytest.raises(SearchFailed) as caught:
        Searxng("http://s.example").results(answer)
    assert caught.value.message == "None of the search engines answered."


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "answer",
    [None, 7, "SECRET", [], {}, {"results": "SECRET"}, {"web": ["SECRET"]}, {"error": "SECRET"}],
)
def test_an_answer_of_another_shape_is_a_failure_in_our_words(
    provider: SearchProvider, answer: object
) -> None:
    with pytest.raises(SearchFailed) as caught:
        provider.results(answer)
    assert caught.value.message == "The search provider's answer cannot be read."


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_no_result_in_a_list_is_left_out(provider: SearchProvider) -> None:
    items: list[object] = [
        None,
        7,
        [],
        {},
        {"url": 7},
        {"url": ""},
        {"url": "https://a.example", "title": 7},
    ]
    found = provider.results({"results": items, "web": {"results": items}})
    assert found == [SearchResult("", "https://a.example", "", None)]


# ---- the deployment's choice --------------------------------------------------------------------


def settings(**fields: str) -> WorkerSettings:
    return WorkerSettings.model_validate(
        {"state_table": "s", "stream_table": "t", "bucket": "b", **fields}
    )


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, type(None)),
        ({"web_search_provider": "searxng", "web_search_url": "http://s.example"}, Searxng),
        ({"web_search_provider": "brave", "web_search_key_parameter": "/k"}, Brave),
        ({"web_search_provider": "tavily", "web_search_key_parameter": "/k"}, Tavily),
    ],
)
def test_the_deployment_chooses_the_provider(fields: dict[str, str], kind: type) -> None:
    assert type(chosen_provider(settings(**fields))) is kind


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("searxng", "WEB_SEARCH_URL"),
        ("brave", "WEB_SEARCH_KEY_PARAMETER"),
        ("tavily", "WEB_SEARCH_KEY_PARAMETER"),
    ],
)
def test_a_provider_without_what_it_needs_is_told_by_the_variable(
    provider: str, variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        chosen_provider(settings(web_search_provider=provider))
