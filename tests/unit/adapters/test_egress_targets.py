"""URLs and redirects as egress reads them."""

import pytest

from adapters.egress import EgressRefused
from adapters.egress.hops import Hop, first_hop, following_hop
from adapters.egress.targets import Target, parse_target
from core.openapi import PreparedRequest


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("http://Example.COM", Target("http", "example.com", 80, "/"), "example.com"),
        ("https://example.com.:443/a?b=c#d", Target("https", "example.com", 443, "/a?b=c"), None),
        ("http://example.com:8080?x", Target("http", "example.com", 8080, "/?x"), None),
        ("http://[0::1]:81/", Target("http", "::1", 81, "/"), "[::1]:81"),
        ("http://[::ffff:10.0.0.1]/", Target("http", "10.0.0.1", 80, "/"), "10.0.0.1"),
        ("http://a_b.example/%2e%2e/", Target("http", "a_b.example", 80, "/%2e%2e/"), None),
        ("https://7.example:80/", Target("https", "7.example", 80, "/"), "7.example:80"),
    ],
)
def test_a_url_is_read_into_its_parts(url: str, target: Target, authority: str | None) -> None:
    found = parse_target(url)
    assert found == target
    if authority is not None:
        assert found.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "data:text/plain,x",
        "http://",
        "http:///x",
        "http://user@example.com/",
        "http://user:hush@example.com/",
        "http://good.example@evil.example/",
        "http://good.example\\@evil.example/",
        "http://evil.example\\.good.example/",
        "http://example.com:0/",
        "http://example.com:/",
        "http://example.com:65536/",
        "http://example.com:8O/",
        "http://exa mple.com/",
        "http://example.com/\r\nHost: x",
        "http://example.com/\t",
        "http://example.com/\u00fc",
        "http://b\u00fccher.example/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://127\u30020\u30020\u30021/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1.1/",
        "http://0/",
        "http://[fe80::1%25lo]/",
        "http://[::1/",
        "http://[evil.example]/",
        "http://%31%32%37.0.0.1/",
        "http://example..com/",
        "http://.example.com/",
        "http://" + "a" * 300 + "/",
        "http://example.com/" + "a" * 20_000,
    ],
)
def test_a_url_that_could_be_misread_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(EgressRefused) as caught:
        parse_target(url)
    assert not url or url not in caught.value.message
    assert "hush" not in caught.value.message


def hop(
    method: str = "POST", body: bytes | None = b"{}", url: str = "https://a.example/x/y?q=1"
) -> Hop:
    return Hop(
        method,
        parse_target(url),
        {"authorization": "Bearer t", "x-api-key": "k", "content-type": "a/b", "accept": "*/*"},
        body,
    )


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (b"/z", "https://a.example/z"),
        (b"z?w#f", "https://a.example/x/z?w"),
        (b"//b.example/", "https://b.example/"),
        (b"https://a.example:444/", "https://a.example:444/"),
        (b"?only", "https://a.example/x/y?only"),
        ("/gr\u00fc\u00df gott".encode(), "https://a.example/gr%C3%BC%C3%9F%20gott"),
        (b"../../../z", "https://a.example/z"),
    ],
)
def test_a_redirect_leads_where_its_location_says(location: bytes, url: str) -> None:
    assert following_hop(hop(), 302, location).target == parse_target(url)


@pytest.mark.parametrize(
    "location",
    [
        b"file:///etc/passwd",
        b"javascript:alert(1)",
        b"http://a.example/",
        b"https://user:hush@b.example/",
        b"https://b.example\\@c.example/",
        b"https://b example/",
        "https://b\u00fccher.example/".encode(),
        b"https://0x7f.1/",
        b"https://[::1",
        b"https://a.example:99999/",
    ],
)
def test_a_redirect_to_where_no_request_may_go_is_refused(location: bytes) -> None:
    with pytest.raises(EgressRefused):
        following_hop(hop(), 307, location)


@pytest.mark.parametrize(
    ("status", "method", "next_method"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "DELETE", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "GET", "GET"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
    ],
)
def test_a_redirect_turns_the_method_as_http_says(
    status: int, method: str, next_method: str
) -> None:
    following = following_hop(hop(method), status, b"/z")
    assert following.method == next_method
    kept = next_method == method
    assert following.body == (b"{}" if kept else None)
    assert ("content-type" in following.headers) is kept
    assert following.headers["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    "location", [b"https://b.example/", b"https://a.example:444/", b"https://sub.a.example/"]
)
def test_another_origin_sees_no_credentials(location: bytes) -> None:
    following = following_hop(hop(), 307, location)
    assert following.headers == {"content-type": "a/b", "accept": "*/*"}
    assert following.body == b"{}"


def test_http_may_lead_to_https_but_is_another_origin() -> None:
    following = following_hop(hop(url="http://a.example/"), 301, b"https://a.example/")
    assert "authorization" not in following.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "x"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Proxy-Authorization", "x"),
        ("Accept-Encoding", "br"),
        ("Expect", "100-continue"),
        ("X-A", "b\r\nHost: evil"),
        ("X-A", "b\nc"),
        ("X-A", "\0"),
        ("X-A", "\u00fc"),
        ("X A", "b"),
        ("X-A:", "b"),
        ("", "b"),
    ],
)
def test_a_header_that_would_change_the_message_is_refused(name: str, value: str) -> None:
    request = PreparedRequest("GET", "https://a.example/", {name: value}, None)
    with pytest.raises(EgressRefused) as caught:
        first_hop(request, None)
    assert "evil" not in caught.value.message


def test_a_header_that_is_given_twice_is_refused() -> None:
    request = PreparedRequest("GET", "https://a.example/", {"X-A": "1", "x-a": "2"}, None)
    with pytest.raises(EgressRefused):
        first_hop(request, None)


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "GET /x HTTP/1.1\r\n", ""])
def test_only_plain_methods_are_sent(method: str) -> None:
    with pytest.raises(EgressRefused, match=r"^Tools may not use this method\.$"):
        first_hop(PreparedRequest(method, "https://a.example/", {}, None), None)


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("GET", None)])
def test_a_method_that_expects_a_body_says_that_there_is_none(
    method: str, length: str | None
) -> None:
    found = first_hop(PreparedRequest(method, "https://a.example/", {}, None), None)
    assert dict(found.wire_headers()).get("Content-Length") == length
