"""Egress over real connections, to services that behave well and badly."""

import datetime
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.egress import (
    EgressAllowList,
    EgressClient,
    EgressFailed,
    EgressRefused,
    EgressTimeout,
)
from core.openapi import PreparedRequest
from tests.support.http_service import Exchange, HttpService, Received, http_service


def behave(exchange: Exchange, request: Received) -> None:
    """Answer as the path asks."""
    path = request.target.split("?")[0]
    if path == "/echo":
        exchange.answer(200, request.body or b"nothing", Content_Type="text/plain; charset=utf-8")
    elif path == "/gzip":
        exchange.answer(200, gzip.compress("größe".encode()), Content_Encoding="gzip")
    elif path == "/bomb":
        bomb = gzip.compress(b"\0" * 50_000_000, compresslevel=9)
        exchange.answer(200, bomb, Content_Encoding="gzip")
    elif path == "/to":
        exchange.answer(307, b"", Location=request.target.split("?", 1)[1])
    elif path == "/drip":
        exchange.send_response(200)
        exchange.end_headers()
        while True:
            exchange.wfile.write(b"x")
            time.sleep(0.05)
    elif path == "/endless":
        exchange.send_response(200)
        exchange.end_headers()
        while True:
            exchange.wfile.write(b"x" * 65_536)
    elif path == "/silent":
        time.sleep(3)
    else:
        exchange.answer(404, b"no such thing")


@pytest.fixture
def service() -> Iterator[HttpService]:
    with http_service(behave) as running:
        yield running


def allowed(*services: HttpService) -> EgressClient:
    entries = ",".join(f"127.0.0.1:{service.port}" for service in services)
    return EgressClient(EgressAllowList.parse(entries))


def get(service: HttpService, path: str, host: str = "127.0.0.1") -> PreparedRequest:
    return PreparedRequest("GET", f"http://{host}:{service.port}{path}", {}, None)


def test_a_service_of_this_machine_is_out_of_reach(service: HttpService) -> None:
    egress = EgressClient(EgressAllowList())
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"):
        with pytest.raises(EgressRefused):
            egress.send(get(service, "/echo", host), timeout_seconds=5)
    assert service.received == []


def test_it_is_reached_when_it_is_allowed(service: HttpService) -> None:
    request = PreparedRequest(
        "POST",
        f"http://127.0.0.1:{service.port}/echo?a=1",
        {"Content-Type": "text/plain", "X-Tag": "t"},
        "größe".encode(),
    )
    response = allowed(service).send(request, timeout_seconds=5, idempotency_key="key-1")
    assert (response.status, response.body.decode()) == (200, "größe")
    assert response.content_type == "text/plain; charset=utf-8"
    (received,) = service.received
    assert (received.method, received.target) == ("POST", "/echo?a=1")
    assert received.headers["idempotency-key"] == "key-1"
    assert received.headers["x-tag"] == "t"
    assert received.headers["host"] == f"127.0.0.1:{service.port}"


def test_a_name_is_allowed_as_a_name(service: HttpService) -> None:
    egress = EgressClient(EgressAllowList.parse(f"localhost:{service.port}"))
    assert egress.send(get(service, "/echo", "localhost"), timeout_seconds=5).status == 200
    with pytest.raises(EgressRefused):
        egress.send(get(service, "/echo", "127.0.0.1"), timeout_seconds=5)


def test_proxies_of_the_environment_are_not_used(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_service(behave) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert allowed(service, proxy).send(get(service, "/echo"), timeout_seconds=5).status == 200
        assert proxy.received == []


def test_a_redirect_to_a_port_that_is_not_allowed_is_refused(service: HttpService) -> None:
    with http_service(behave) as secret:
        target = f"http://127.0.0.1:{secret.port}/echo"
        with pytest.raises(EgressRefused):
            allowed(service).send(get(service, f"/to?{target}"), timeout_seconds=5)
        assert secret.received == []
        response = allowed(service, secret).send(get(service, f"/to?{target}"), timeout_seconds=5)
        assert response.status == 200


def test_a_redirect_to_another_origin_carries_no_credentials(service: HttpService) -> None:
    with http_service(behave) as other:
        request = PreparedRequest(
            "POST",
            f"http://127.0.0.1:{service.port}/to?http://127.0.0.1:{other.port}/echo",
            {"Authorization": "Bearer t", "X-Api-Key": "k", "Content-Type": "text/plain"},
            b"kept",
        )
        assert allowed(service, other).send(request, timeout_seconds=5).body == b"kept"
        (received,) = other.received
        assert "authorization" not in received.headers
        assert "x-api-key" not in received.headers
        assert received.headers["content-type"] == "text/plain"
        assert service.received[0].headers["authorization"] == "Bearer t"


def test_compressed_bodies_are_read(service: HttpService) -> None:
    response = allowed(service).send(get(service, "/gzip"), timeout_seconds=5)
    assert response.body.decode() == "größe"


@pytest.mark.parametrize("path", ["/bomb", "/endless"])
def test_a_body_ends_at_the_cap(service: HttpService, path: str) -> None:
    response = allowed(service).send(get(service, path), timeout_seconds=20)
    assert (len(response.body), response.truncated) == (1_048_576, True)


@pytest.mark.parametrize("path", ["/drip", "/silent"])
def test_a_slow_service_is_given_up_in_time(service: HttpService, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(EgressTimeout):
        allowed(service).send(get(service, path), timeout_seconds=0.5)
    assert 0.4 < time.monotonic() - started < 2


def test_a_service_that_never_reads_is_given_up_in_time() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        port = listener.getsockname()[1]
        egress = EgressClient(EgressAllowList.parse(f"127.0.0.1:{port}"))
        request = PreparedRequest("POST", f"http://127.0.0.1:{port}/", {}, b"x" * 50_000_000)
        started = time.monotonic()
        with pytest.raises(EgressTimeout):
            egress.send(request, timeout_seconds=0.5)
        assert time.monotonic() - started < 2
    finally:
        listener.close()


def test_nobody_listening_is_a_failure(service: HttpService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = HttpService(listener.getsockname()[1])
    with pytest.raises(EgressFailed, match="cannot be connected to"):
        allowed(free).send(get(free, "/echo"), timeout_seconds=5)


def test_a_missing_thing_is_a_response_like_others(service: HttpService) -> None:
    response = allowed(service).send(get(service, "/nowhere"), timeout_seconds=5)
    assert (response.status, response.body) == (404, b"no such thing")


def test_calls_from_several_threads_do_not_meet(service: HttpService) -> None:
    egress, answers = allowed(service), [b""] * 8

    def call(number: int) -> None:
        request = PreparedRequest(
            "POST", f"http://127.0.0.1:{service.port}/echo", {}, b"%d" % number
        )
        answers[number] = egress.send(request, timeout_seconds=5).body

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"%d" % number for number in range(8)]


class Certificates:
    """A certificate for one name or address, signed by itself, and the contexts that go with it."""

    def __init__(self, folder: Path, name: x509.GeneralName) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.path = folder / "certificate.pem"
        self.path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))


def to_this_machine(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def https(service: HttpService, trust: ssl.SSLContext | None, host: str) -> int:
    egress = EgressClient(
        EgressAllowList.parse("127.0.0.1"), ssl_context=trust, resolver=to_this_machine
    )
    request = PreparedRequest("GET", f"https://{host}:{service.port}/echo", {}, None)
    return egress.send(request, timeout_seconds=5).status


def test_tls_verifies_the_name_although_the_address_is_connected_to(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path, x509.DNSName("tools.example"))
    names: list[str | None] = []
    context = certificates.server()
    context.sni_callback = lambda connection, name, _: names.append(name)
    with http_service(behave, tls=context) as service:
        assert https(service, certificates.client(), "tools.example") == 200
        assert names == ["tools.example"]
        assert service.received[0].headers["host"] == f"tools.example:{service.port}"
        for wrong in ("other.example", "127.0.0.1"):
            with pytest.raises(EgressFailed, match="certificate that is not valid for it"):
                https(service, certificates.client(), wrong)
        assert len(service.received) == 1


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path, x509.DNSName("tools.example"))
    with (
        http_service(behave, tls=certificates.server()) as service,
        pytest.raises(EgressFailed, match="certificate that is not valid for it"),
    ):
        https(service, None, "tools.example")


def test_tls_to_an_address_verifies_the_address(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    with http_service(behave, tls=certificates.server()) as service:
        assert https(service, certificates.client(), "127.0.0.1") == 200


def test_a_service_without_tls_fails_over_tls(service: HttpService) -> None:
    with pytest.raises(EgressFailed, match="does not speak TLS"):
        https(service, ssl.create_default_context(), "tools.example")


def test_a_handshake_that_never_comes_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = HttpService(listener.getsockname()[1])
        egress = EgressClient(EgressAllowList.parse("127.0.0.1"))
        request = PreparedRequest("GET", f"https://127.0.0.1:{silent.port}/", {}, None)
        started = time.monotonic()
        with pytest.raises(EgressTimeout):
            egress.send(request, timeout_seconds=0.5)
        assert time.monotonic() - started < 2
