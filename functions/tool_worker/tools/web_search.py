"""Web search: a model's query goes to the provider that the deployment has chosen."""

import json
from typing import Final
from urllib.parse import urlsplit

from adapters.egress import EgressClient, EgressError, EgressRefused, EgressResponse, EgressTimeout
from core.schema.tools import WebSearchTool
from core.web_search import DEFAULT_RESULTS, MAX_QUERY_CHARS, admits_host
from tool_worker.registry import ToolCallInput, ToolError, ToolOutput, parse_arguments
from tool_worker.search import SearchFailed, SearchProvider, SearchQuery, SearchResult
from wiring.telemetry import logger

MAX_OUTPUT_CHARS: Final = 20_000
_MAX_TITLE_CHARS: Final = 300
_MAX_SNIPPET_CHARS: Final = 1_500
_MAX_DATE_CHARS: Final = 40
_MAX_URL_CHARS: Final = 2_000
# 432 and 433 are Tavily's for a plan that is used up.
_REFUSED_KEY: Final = frozenset({401, 403})
_TOO_MUCH: Final = frozenset({402, 429, 432, 433})


class WebSearcher:
    """Carries out searches. They change nothing, so a search may be made again.

    Args:
        egress: sends the requests.
        provider: who is asked.
        max_output_chars: how much the model is told; it pays for each character.
    """

    def __init__(
        self,
        egress: EgressClient,
        provider: SearchProvider,
        max_output_chars: int = MAX_OUTPUT_CHARS,
    ) -> None:
        self._egress = egress
        self._provider = provider
        self._max_output_chars = max_output_chars

    def run(self, call: ToolCallInput) -> ToolOutput:
        """Carry out a search.

        Returns:
            A JSON list of `{title, url, snippet, date?}`, the best first; it may be empty.

        Raises:
            ToolError: there are no results, for a reason that is told in words of our own.
        """
        settings = WebSearchTool.model_validate_json(call.configuration)
        query = SearchQuery(
            text=_query_text(call.arguments),
            max_results=settings.max_results or DEFAULT_RESULTS,
            allowed_domains=tuple(settings.allowed_domains or ()),
            blocked_domains=tuple(settings.blocked_domains or ()),
        )
        try:
            response = self._egress.send(
                self._provider.request(query), timeout_seconds=call.timeout_seconds
            )
            results = self._provider.results(_answer(response))
        except EgressError as error:
            # It names the provider's origin, which is the operator's affair.
            logger.warning("web search failed", extra={"reason": error.message})
            raise ToolError(_unreached(error)) from None
        except SearchFailed as error:
            logger.warning("web search failed", extra={"reason": error.message})
            raise ToolError(error.message) from None
        wanted = [found for found in results if _is_wanted(found, settings)]
        return ToolOutput(self._written(wanted, query.max_results))

    def _written(self, results: list[SearchResult], max_results: int) -> str:
        written: list[str] = []
        seen: set[str] = set()
        room = self._max_output_chars - len("[]")
        for result in results:
            if len(written) == max_results or result.url in seen:
                continue
            text = json.dumps(_shown(result), ensure_ascii=False)
            room -= len(text) + len(", ")
            if room < 0:
                break
            seen.add(result.url)
            written.append(text)
        return f"[{', '.join(written)}]"


def _query_text(arguments: str) -> str:
    given = parse_arguments(arguments)
    for name in given:
        if name != "query":
            raise ToolError(f"There is no argument {name[:100]!r}; the only argument is 'query'.")
    query = given.get("query")
    text = _clean(query) if isinstance(query, str) else ""
    if not text:
        raise ToolError("The argument 'query' must be a text that says what to search for.")
    if len(text) > MAX_QUERY_CHARS:
        raise ToolError(f"The argument 'query' may have at most {MAX_QUERY_CHARS} characters.")
    return text


def _answer(response: EgressResponse) -> object:
    """Return the value of a response; its text is the provider's prose and goes no further."""
    if response.status == 200:
        try:
            value: object = json.loads(response.body)
        except (ValueError, RecursionError):
            raise SearchFailed("The search provider's answer cannot be read.") from None
        return value
    if response.status in _REFUSED_KEY:
        raise SearchFailed(
            f"The search provider refused access (HTTP {response.status}). Only the operator of "
            "this service can mend that: go on without a search."
        )
    if response.status in _TOO_MUCH:
        raise SearchFailed(
            f"The search provider takes no more searches for now (HTTP {response.status}). "
            "Go on without a search, or try once more later."
        )
    if response.status >= 500:
        raise SearchFailed(
            f"The search provider has a fault (HTTP {response.status}). Try once more, or go on "
            "without a search."
        )
    raise SearchFailed(
        f"The search provider did not accept the search (HTTP {response.status}). Try other words."
    )


def _unreached(error: EgressError) -> str:
    if isinstance(error, EgressTimeout):
        return "The search provider did not answer in time."
    if isinstance(error, EgressRefused):
        return "The search provider may not be reached. Only the operator can mend that."
    return "The search provider could not be reached."


def _is_wanted(result: SearchResult, settings: WebSearchTool) -> bool:
    """Return whether a result leads to a web page on a host that the tool admits."""
    if len(result.url) > _MAX_URL_CHARS or not result.url.isprintable() or " " in result.url:
        return False
    try:
        parts = urlsplit(result.url)
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and admits_host(settings, host)


def _shown(result: SearchResult) -> dict[str, str]:
    shown = {
        "title": _cut(_clean(result.title), _MAX_TITLE_CHARS),
        "url": result.url,
        "snippet": _cut(_clean(result.snippet), _MAX_SNIPPET_CHARS),
    }
    if result.date is not None:
        shown["date"] = _cut(_clean(result.date), _MAX_DATE_CHARS)
    return shown


def _clean(text: str) -> str:
    """Return a text on one line, without characters that cannot be shown or stored."""
    whole = text.encode("utf-8", "replace").decode()
    line = " ".join(whole.split())
    return "".join(character for character in line if character.isprintable())


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
