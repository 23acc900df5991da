"""The tool `web_search`: what may be said of it, and which hosts its results may come from."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from core.schema.tools import Tool, WebSearchTool
from core.web_search import admits_host

LABELS = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
DOMAINS = st.lists(LABELS, min_size=2, max_size=3).map(".".join)
TOOL: TypeAdapter[Tool] = TypeAdapter(Tool)


def tool(**fields: Any) -> WebSearchTool:
    return WebSearchTool.model_validate({"type": "web_search", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"max_results": 1},
        {"max_results": 20, "allowed_domains": ["Docs.Example", "a-b.example.org"]},
        {"blocked_domains": ["xn--bcher-kva.example"]},
    ],
)
def test_the_tool_is_shown_as_it_was_given(fields: dict[str, Any]) -> None:
    given_tool = {"type": "web_search", **fields}
    read = TOOL.validate_python(given_tool)
    assert TOOL.dump_python(read, mode="json") == given_tool
    assert TOOL.validate_json(TOOL.dump_json(read)) == read


@pytest.mark.parametrize(
    "fields",
    [
        {"max_results": 0},
        {"max_results": 21},
        {"max_results": "5"},
        {"allowed_domains": []},
        {"allowed_domains": ["a.example"] * 21},
        {"allowed_domains": ["a.example"], "blocked_domains": ["b.example"]},
        {"allowed_domains": ["https://a.example"]},
        {"allowed_domains": ["a.example/path"]},
        {"allowed_domains": ["a.example:443"]},
        {"allowed_domains": ["a.example\n"]},
        {"allowed_domains": ["a.example OR site:b.example"]},
        {"blocked_domains": ["*.example"]},
        {"blocked_domains": ["example"]},
        {"blocked_domains": [""]},
        {"blocked_domains": ["a." * 126 + "aa"]},
        {"search_context_size": "low"},
    ],
)
def test_what_makes_no_search_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        tool(**fields)


@given(domain=DOMAINS, below=st.lists(LABELS, max_size=2))
def test_a_domain_holds_itself_and_everything_below_it(domain: str, below: list[str]) -> None:
    host = ".".join([*below, domain]).upper() + "."
    assert admits_host(tool(allowed_domains=[domain]), host)
    assert not admits_host(tool(blocked_domains=[domain]), host)
    assert admits_host(tool(), host)


@given(domain=DOMAINS, before=LABELS, after=LABELS)
def test_a_domain_does_not_hold_what_only_looks_like_it(
    domain: str, before: str, after: str
) -> None:
    for host in (before + domain, f"{domain}.{after}x", f"{before}-{domain}"):
        assert not admits_host(tool(allowed_domains=[domain]), host)
        assert admits_host(tool(blocked_domains=[domain]), host)
