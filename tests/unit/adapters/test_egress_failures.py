"""Limits of time and size, and what errors say, with the network replaced by a script."""

import logging
import ssl
import threading
import time
import traceback
from collections.abc import Sequence

import httpcore2
import pytest

from adapters.egress import (
    EgressAllowList,
    EgressClient,
    EgressError,
    EgressFailed,
    EgressTimeout,
)
from tests.support.network import OK, Names, Network, client, get, redirect


def test_a_slow_drip_ends_when_the_time_is_up() -> None:
    network = Network(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
    network.bytes_per_read, network.seconds_per_read = 1, 1.0
    with pytest.raises(EgressTimeout):
        client(network).send(get("http://a.example/"), timeout_seconds=90)
    assert network.clock.now == pytest.approx(1_090.0, abs=1.0)
    assert network.longest_wait <= 90


def test_dripping_headers_end_as_well() -> None:
    network = Network(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000)
    network.bytes_per_read, network.seconds_per_read = 1, 1.0
    with pytest.raises(EgressTimeout):
        client(network).send(get("http://a.example/"), timeout_seconds=30)
    assert network.clock.now <= 1_031.0


def test_a_service_that_takes_its_request_slowly_is_given_up() -> None:
    network = Network(OK)
    network.seconds_per_write = 1.0
    with pytest.raises(EgressTimeout):
        client(network).send(
            get("http://a.example/", "POST", b"x" * 10_000_000), timeout_seconds=30
        )
    assert network.clock.now <= 1_031.0


def test_redirects_and_addresses_share_one_limit_of_time() -> None:
    network = Network(*[redirect("/again")] * 10)
    network.seconds_per_connect = 4.0
    with pytest.raises(EgressTimeout):
        client(network, max_redirects=9).send(get("http://a.example/"), timeout_seconds=10)
    assert len(network.connected) == 3


def test_a_name_that_nobody_answers_for_ends_when_the_time_is_up() -> None:
    release = threading.Event()

    def never(host: str, port: int) -> Sequence[str]:
        release.wait(30)
        return ["93.184.216.34"]

    network = Network(OK)
    egress = EgressClient(EgressAllowList(), resolver=never, network=network)
    started = time.monotonic()
    with pytest.raises(EgressTimeout):
        egress.send(get("http://a.example/"), timeout_seconds=0.2)
    assert time.monotonic() - started < 5
    release.set()


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_time_means_no_request(seconds: float) -> None:
    network = Network(OK)
    with pytest.raises(EgressTimeout):
        client(network).send(get("http://a.example/"), timeout_seconds=seconds)
    assert network.connected == []


def test_a_body_beyond_the_limit_is_cut_and_not_read_on() -> None:
    network = Network(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 10_000_000)
    network.seconds_per_read = 0.001
    response = client(network, max_response_bytes=100_000).send(
        get("http://a.example/"), timeout_seconds=5
    )
    assert (response.body, response.truncated) == (b"x" * 100_000, True)
    assert network.clock.now < 1_000.01


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhush",
        httpcore2.ConnectError("hush"),
        httpcore2.ReadError("hush"),
    ],
)
def test_a_broken_service_is_a_failure_of_its_own(answer: bytes | Exception) -> None:
    with pytest.raises(EgressFailed) as caught:
        client(Network(answer)).send(get("http://a.example/"), timeout_seconds=5)
    assert caught.value.message.startswith("http://a.example ")
    assert "hush" not in caught.value.message


def test_an_unknown_name_is_a_failure() -> None:
    with pytest.raises(EgressFailed, match=r"^The host 'no.example' was not found\.$"):
        client(Network(OK)).send(get("http://no.example/"), timeout_seconds=5)
    with pytest.raises(EgressFailed, match=r"^The host 'a.example' was not found\.$"):
        client(Network(OK), Names(a_example=[[]])).send(get("http://a.example/"), timeout_seconds=5)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (httpcore2.ConnectError("hush"), 5.0),
        (httpcore2.ReadTimeout("hush"), 5.0),
        (b"hush", 5.0),
        (redirect("http://10.0.0.1/hush?hush"), 5.0),
        (redirect("http://hush:hush@b.example/hush"), 5.0),
        (redirect("/hush") * 2, 0.0),
    ],
)
def test_errors_repeat_nothing_of_the_request(answer: bytes | Exception, seconds: float) -> None:
    network = Network(answer)
    request = get(
        "http://a.example/hush?key=hush", "POST", b"hush", Authorization="hush", X_Key="hush"
    )
    with pytest.raises(EgressError) as caught:
        client(network).send(request, timeout_seconds=seconds)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_the_log_holds_nothing_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client(Network(OK)).send(
        get("http://a.example/hush?key=hush", "POST", b"hush", X_Key="hush"), timeout_seconds=5
    )
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ssl.SSLCertVerificationError("hush"), "has a certificate that is not valid for it"),
        (ssl.SSLError("hush"), "does not speak TLS as it should"),
        (OSError("hush"), "cannot be connected to"),
    ],
)
def test_the_reason_of_a_failed_connection_is_told_in_words_of_our_own(
    cause: OSError, words: str
) -> None:
    failure = httpcore2.ConnectError("hush")
    failure.__cause__ = cause
    with pytest.raises(EgressFailed) as caught:
        client(Network(failure)).send(get("https://a.example/"), timeout_seconds=5)
    assert caught.value.message == f"https://a.example {words}."
