"""What the tool asks of a provider of web search, and what providers share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from core.openapi import PreparedRequest

# Brave's bounds for a query. Beyond them others search worse, or say nothing of theirs.
_LONGEST_QUERY: Final = 400
_MOST_WORDS: Final = 50


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is searched for.

    Attributes:
        text: the words, without line breaks.
        max_results: how many results are wanted at most, 1 to 20.
        allowed_domains: results from elsewhere are not wanted; () allows all.
        blocked_domains: results from these are not wanted.
    """

    text: str = field(repr=False)
    max_results: int
    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page that was found; all of it is text of strangers.

    Attributes:
        date: when it was published, as the provider writes it; None if that is not known.
    """

    title: str
    url: str
    snippet: str
    date: str | None


class SearchFailed(Exception):
    """The answer of a provider holds no results, not even none.

    Args:
        message: why, in words of our own.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SearchProvider(Protocol):
    """A service that searches the web over HTTP."""

    def request(self, query: SearchQuery) -> PreparedRequest:
        """Return the request that asks for a search."""
        ...

    def results(self, answer: object) -> list[SearchResult]:
        """Return the results of an answer with the status 200, the best first.

        They may be more than were asked for, and from anywhere.

        Args:
            answer: the JSON value of its body.

        Raises:
            SearchFailed: it is no list of results.
        """
        ...


def unreadable() -> SearchFailed:
    """Return the error for an answer of another shape than the provider documents."""
    return SearchFailed("The search provider's answer cannot be read.")


def read_results(items: object, *, snippet: str, dates: Sequence[str]) -> list[SearchResult]:
    """Return the results of a list; what is no result in it is left out.

    Args:
        items: of the answer.
        snippet: the name of the field with the snippet.
        dates: the names of fields that may hold the date, the best first.

    Raises:
        SearchFailed: it is no list.
    """
    if not isinstance(items, list):
        raise unreadable()
    return [
        SearchResult(
            title=_text(item, "title"),
            url=_text(item, "url"),
            snippet=_text(item, snippet),
            date=next((found for name in dates if (found := _text(item, name))), None),
        )
        for item in items
        if isinstance(item, dict) and _text(item, "url")
    ]


def with_site_operators(query: SearchQuery) -> str:
    """Return the query with its domains as operators, which most engines understand.

    Operators for which there is no room are left out: the tool looks at every result anyway.
    """
    text = " ".join(query.text.split()[:_MOST_WORDS])
    allowed = " OR ".join(f"site:{domain}" for domain in query.allowed_domains)
    if allowed:
        return _joined(text, f"({allowed})" if " " in allowed else allowed)
    for domain in query.blocked_domains:
        text = _joined(text, f"-site:{domain}")
    return text


def _joined(text: str, addition: str) -> str:
    longer = f"{text} {addition}"
    fits = len(longer) <= _LONGEST_QUERY and len(longer.split()) <= _MOST_WORDS
    return longer if fits else text


def _text(item: dict[str, object], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""
