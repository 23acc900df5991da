"""The tool `web_search`: its settings, its function, and the hosts its results may come from."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from core.context import build_request
from core.model import ModelRequest
from core.schema.steps import CalledFunction, RunStep, WebSearchCall
from core.schema.tools import Tool, ToolTypeChoice, WebSearchTool
from core.web_search import admits_host
from tests.support.runs import call_step, run_record
from tests.support.world import function_tool, run_config

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


def asked(*steps: RunStep, **config: Any) -> ModelRequest:
    """Return what the model is asked in a run without messages."""
    run = run_record(run_config(**config))
    return build_request(run, (), steps, {}, {}, {}, calls_allowed=True)


def test_a_search_is_offered_as_a_function_without_the_tools_settings() -> None:
    told = asked(
        tools=[tool(allowed_domains=["docs.example"]), function_tool("f")],
        tool_choice=ToolTypeChoice(type="web_search"),
    )
    assert [offered["function"]["name"] for offered in told.tools] == ["web_search", "f"]
    assert list(told.tools[0]["function"]["parameters"]["properties"]) == ["query"]
    assert "docs.example" not in str(told.tools)
    assert told.parameters == {
        "tool_choice": {"type": "function", "function": {"name": "web_search"}}
    }


def test_an_earlier_search_is_told_as_a_call_of_its_function() -> None:
    called = CalledFunction(name="web_search", arguments='{"query": "tides"}', output="[]")
    step = call_step(WebSearchCall(id="call_1", web_search=called), status="completed")
    call, answer = asked(step).messages[-2:]
    assert call["tool_calls"][0]["function"] == {
        "name": "web_search",
        "arguments": '{"query": "tides"}',
    }
    assert answer == {"role": "tool", "tool_call_id": "call_1", "content": "[]"}
