"""Who searches the web: providers, one module each, behind one port."""

from tool_worker.search.provider import SearchFailed, SearchProvider, SearchQuery, SearchResult

__all__ = ["SearchFailed", "SearchProvider", "SearchQuery", "SearchResult"]
