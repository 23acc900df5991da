"""SearXNG: `GET {base}/search?format=json` of an instance whose settings allow that format."""

from urllib.parse import urlencode

from core.openapi import PreparedRequest
from tool_worker.search.provider import (
    SearchFailed,
    SearchQuery,
    SearchResult,
    read_results,
    unreadable,
    with_site_operators,
)


class Searxng:
    """Searches with an instance of SearXNG; domains become operators that its engines understand.

    Args:
        base_url: of the instance, without `/search`.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def request(self, query: SearchQuery) -> PreparedRequest:
        """Return the request that asks for a search."""
        # A word that begins with "!" would choose engines, or lead to another site ("!!").
        words = (word.lstrip("!") for word in with_site_operators(query).split())
        parameters = {
            "q": " ".join(word for word in words if word),
            "format": "json",
            "categories": "general",
        }
        url = f"{self._base_url}/search?{urlencode(parameters)}"
        return PreparedRequest("GET", url, {"Accept": "application/json"}, None)

    def results(self, answer: object) -> list[SearchResult]:
        """Return the results of an answer, or raise SearchFailed."""
        if not isinstance(answer, dict):
            raise unreadable()
        found = read_results(answer.get("results"), snippet="content", dates=("publishedDate",))
        if not found and answer.get("unresponsive_engines"):
            raise SearchFailed("None of the search engines answered.")
        return found
