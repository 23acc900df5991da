"""Tavily: `POST https://api.tavily.com/search`, key as a bearer token."""

import json
from typing import Final

from adapters.secrets import SecretValue
from core.openapi import PreparedRequest
from tool_worker.search.provider import SearchQuery, SearchResult, read_results, unreadable

_URL: Final = "https://api.tavily.com/search"


class Tavily:
    """Searches with Tavily, which filters domains itself.

    Args:
        key: the API key.
        url: where it is.
    """

    def __init__(self, key: SecretValue, url: str = _URL) -> None:
        self._key = key
        self._url = url

    def request(self, query: SearchQuery) -> PreparedRequest:
        """Return the request that asks for a search."""
        body = {
            "query": query.text,
            "max_results": query.max_results,
            "search_depth": "basic",
            "include_answer": False,
            "include_domains": list(query.allowed_domains),
            "exclude_domains": list(query.blocked_domains),
        }
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self._key.get().strip()}",
            "Content-Type": "application/json",
        }
        return PreparedRequest("POST", self._url, headers, json.dumps(body).encode())

    def results(self, answer: object) -> list[SearchResult]:
        """Return the results of an answer, or raise SearchFailed."""
        if not isinstance(answer, dict):
            raise unreadable()
        return read_results(answer.get("results"), snippet="content", dates=("published_date",))
