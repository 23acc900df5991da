"""What is checked before anything is connected to, with the network replaced by a script."""

import time

import httpcore2
import pytest

from adapters.egress import (
    EgressAllowList,
    EgressFailed,
    EgressRefused,
)
from adapters.egress.connections import CheckedBackend, resolve
from adapters.egress.deadlines import Deadline
from tests.support.network import OK, Names, Network, client, get, redirect


def test_a_request_is_sent_to_the_address_that_was_checked() -> None:
    network, names = Network(OK), Names(a_example=[["93.184.216.34"], ["127.0.0.1"]])
    response = client(network, names).send(
        get("https://a.example/x?y=1", "POST", b"{}", Content_Type="application/json"),
        timeout_seconds=5,
        idempotency_key="key-1",
    )
    assert (response.status, response.content_type, response.body) == (200, "text/plain", b"ok")
    assert not response.truncated
    # One look-up only: a name that answers otherwise the second time (rebinding) is not asked.
    assert names.asked == [("a.example", 443)]
    assert network.connected == [("93.184.216.34", 443)]
    assert network.tls_names == ["a.example"]
    assert network.closed >= 1
    head, body = network.sent[0].split(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x?y=1 HTTP/1.1"
    assert sorted(line.lower() for line in lines[1:]) == [
        "accept-encoding: gzip",
        "connection: close",
        "content-length: 2",
        "content-type: application/json",
        "host: a.example",
        "idempotency-key: key-1",
        "user-agent: threadrunner",
    ]
    assert body == b"{}"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a00:1"],
        ["2002:7f00:1::1"],
        ["fe80::1%eth0"],
        ["0.0.0.0"],
        ["93.184.216.34", "192.168.0.1"],
        ["2606:4700::1", "::ffff:127.0.0.1"],
        ["nonsense"],
    ],
)
def test_a_name_with_a_closed_address_is_refused_before_any_connection(
    addresses: list[str],
) -> None:
    network = Network(OK)
    with pytest.raises(EgressRefused) as caught:
        client(network, Names(a_example=[addresses])).send(
            get("http://a.example/"), timeout_seconds=5
        )
    assert network.connected == []
    # A tenant must not learn the addresses of an internal network.
    assert caught.value.message == "Tools may not reach the host 'a.example': it is not public."


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:9001",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:7f00:1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::808:808]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "0.0.0.0",
        "2130706433",
        "0x7f.0.0.1",
        "017700000001",
        "127.1",
        "127.0.0.1.",
    ],
)
def test_an_address_in_the_url_is_checked_without_a_look_up(host: str) -> None:
    network, names = Network(OK), Names()
    with pytest.raises(EgressRefused):
        client(network, names).send(get(f"http://{host}/"), timeout_seconds=5)
    assert (network.connected, names.asked) == ([], [])


def test_a_public_address_in_the_url_is_connected_to() -> None:
    network = Network(OK, OK)
    client(network).send(get("http://93.184.216.34:8080/"), timeout_seconds=5)
    client(network).send(get("http://[2606:4700::1]/"), timeout_seconds=5)
    assert network.connected == [("93.184.216.34", 8080), ("2606:4700::1", 80)]
    assert b"Host: [2606:4700::1]\r\n" in network.sent[1]


def test_what_the_operator_allows_is_reached() -> None:
    names = Names(internal_example=[["10.0.0.1"]], a_example=[["192.168.0.1"]])
    network = Network(OK, OK)
    egress = client(network, names, "internal.example:80,192.168.0.0/16")
    egress.send(get("http://internal.example/"), timeout_seconds=5)
    egress.send(get("http://a.example/"), timeout_seconds=5)
    assert network.connected == [("10.0.0.1", 80), ("192.168.0.1", 80)]
    with pytest.raises(EgressRefused):
        egress.send(get("http://internal.example:81/"), timeout_seconds=5)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0"],
)
def test_metadata_stays_closed_even_if_the_operator_allows_it(address: str) -> None:
    network = Network(OK)
    allow = "0.0.0.0/0,::/0,metadata.example"
    host = f"[{address}]" if ":" in address else address
    for url in ("http://metadata.example/", f"http://{host}/"):
        with pytest.raises(EgressRefused):
            client(network, Names(metadata_example=[[address]]), allow).send(
                get(url), timeout_seconds=5
            )
    assert network.connected == []


def test_the_next_address_is_tried_if_one_does_not_answer() -> None:
    names = Names(a_example=[["2606:4700::1", "93.184.216.34"]])
    network = Network(httpcore2.ConnectError("no route"), OK)
    assert client(network, names).send(get("http://a.example/"), timeout_seconds=5).status == 200
    assert network.connected == [("2606:4700::1", 80), ("93.184.216.34", 80)]


def test_not_more_than_a_few_addresses_are_tried() -> None:
    names = Names(a_example=[[f"93.184.216.{number}" for number in range(50)]])
    network = Network(*[httpcore2.ConnectError("no")] * 50)
    with pytest.raises(EgressFailed):
        client(network, names).send(get("http://a.example/"), timeout_seconds=5)
    assert len(network.connected) == 4


def test_a_redirect_is_checked_like_a_first_request() -> None:
    names = Names(a_example=[["93.184.216.34"]], evil_example=[["127.0.0.1"]])
    for location in (
        "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
        "http://169.254.169.254/latest/meta-data/",
        "http://evil.example/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        "gopher://a.example/",
    ):
        network = Network(redirect(location), OK)
        with pytest.raises(EgressRefused):
            client(network, names).send(get("http://a.example/"), timeout_seconds=5)
        assert network.connected == [("93.184.216.34", 80)]


def test_a_name_that_changes_its_answer_is_checked_again_after_a_redirect() -> None:
    names = Names(a_example=[["93.184.216.34"], ["10.0.0.1"]])
    network = Network(redirect("/next"), OK)
    with pytest.raises(EgressRefused):
        client(network, names).send(get("http://a.example/"), timeout_seconds=5)
    assert len(network.connected) == 1


def test_credentials_stay_with_their_origin() -> None:
    network = Network(redirect("/same"), redirect("https://b.example/other"), OK)
    client(network).send(
        get(
            "https://a.example/", Authorization="Bearer t", Cookie="c", X_Api_Key="k", Accept="*/*"
        ),
        timeout_seconds=5,
    )
    same, other = network.sent[1].lower(), network.sent[2].lower()
    for secret in (b"authorization:", b"cookie:", b"x-api-key:"):
        assert secret in same
        assert secret not in other
    assert b"accept: */*" in other
    assert b"host: b.example" in other


def test_cookies_of_a_response_are_not_sent_to_anyone() -> None:
    cookie = redirect("/next").replace(b"Content-Length", b"Set-Cookie: s=1\r\nContent-Length")
    network = Network(cookie, OK, OK)
    egress = client(network)
    egress.send(get("http://a.example/"), timeout_seconds=5)
    egress.send(get("http://a.example/"), timeout_seconds=5)
    assert all(b"ookie" not in sent for sent in network.sent)


def test_a_post_becomes_a_get_without_a_body_after_303() -> None:
    network = Network(redirect("/done", 303), OK)
    client(network).send(
        get("http://a.example/", "POST", b"hello", Content_Type="text/plain"), timeout_seconds=5
    )
    assert network.sent[1].startswith(b"GET /done HTTP/1.1\r\n")
    assert b"hello" not in network.sent[1]
    assert b"content-" not in network.sent[1].lower()


def test_redirects_come_to_an_end() -> None:
    network = Network(*[redirect("/again")] * 10)
    with pytest.raises(EgressFailed, match="one redirect too many"):
        client(network, max_redirects=3).send(get("http://a.example/"), timeout_seconds=5)
    assert len(network.connected) == 4


def test_a_redirect_without_a_location_is_the_response() -> None:
    network = Network(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
    assert client(network).send(get("http://a.example/"), timeout_seconds=5).status == 302


def test_the_systems_resolver_names_each_address_once() -> None:
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]


def test_a_socket_of_the_machine_is_out_of_reach() -> None:
    backend = CheckedBackend(
        allow=EgressAllowList(),
        resolver=Names(),
        network=Network(),
        deadline=Deadline(5, time.monotonic),
        connect_timeout=5,
    )
    with pytest.raises(EgressRefused):
        backend.connect_unix_socket("/var/run/docker.sock")
