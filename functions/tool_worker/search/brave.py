"""Brave Search: `GET …/res/v1/web/search`, key in a header of its own."""

import html
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from adapters.secrets import SecretValue
from core.openapi import PreparedRequest
from core.schema.tools import MAX_SEARCH_RESULTS
from tool_worker.search.provider import (
    SearchQuery,
    SearchResult,
    read_results,
    unreadable,
    with_site_operators,
)

_URL: Final = "https://api.search.brave.com/res/v1/web/search"


class Brave:
    """Searches with Brave, which takes domains as operators in the query.

    Args:
        key: the subscription's token.
        url: where it is.
    """

    def __init__(self, key: SecretValue, url: str = _URL) -> None:
        self._key = key
        self._url = url

    def request(self, query: SearchQuery) -> PreparedRequest:
        """Return the request that asks for a search."""
        filtered = query.allowed_domains or query.blocked_domains
        parameters = {
            "q": with_site_operators(query),
            # A page has one price: what the filter takes away is made up for.
            "count": MAX_SEARCH_RESULTS if filtered else query.max_results,
            "result_filter": "web",
            "text_decorations": "false",
        }
        headers = {
            "Accept": "application/json",
            "X-Subscription-Token": self._key.get().strip(),
        }
        return PreparedRequest("GET", f"{self._url}?{urlencode(parameters)}", headers, None)

    def results(self, answer: object) -> list[SearchResult]:
        """Return the results of an answer, or raise SearchFailed."""
        if not isinstance(answer, dict):
            raise unreadable()
        web = answer.get("web")
        if web is None and answer.get("type") == "search":
            return []
        items = web.get("results") if isinstance(web, dict) else None
        found = read_results(items, snippet="description", dates=("page_age",))
        return [
            replace(
                result, title=html.unescape(result.title), snippet=html.unescape(result.snippet)
            )
            for result in found
        ]
