"""OpenAPI documents as texts, and where they are fetched from."""

import gzip
import logging

import pytest

from adapters.document_fetcher import DocumentFetcher
from adapters.document_text import MAX_YAML_CHARACTERS, BadDocument, decoded, read_document
from adapters.egress import EgressAllowList, EgressClient
from tests.support.network import Names, Network, client, redirect

PUBLIC = "93.184.216.34"
URL = "https://docs.example/openapi.json?key=hush"


def answer(body: bytes, status: int = 200, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def fetch(network: Network, names: Names, url: str = URL) -> str:
    return DocumentFetcher(client(network, names)).fetch(url)


@pytest.mark.parametrize(
    "text",
    [
        '{"openapi": "3.1.0", "info": {"version": "2024-01-31"}}',
        '\ufeff \n{"openapi": "3.1.0", "info": {"version": "2024-01-31"}}',
        "openapi: 3.1.0\ninfo:\n  version: 2024-01-31\n",
        "---\n# A comment.\nopenapi: '3.1.0'\ninfo: {version: 2024-01-31}",
    ],
)
def test_a_document_is_json_or_yaml(text: str) -> None:
    assert read_document(text) == {"openapi": "3.1.0", "info": {"version": "2024-01-31"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"hush": }', "is not JSON (line 1, column 10)"),
        ('{"a": NaN}', "is not JSON that can be stored"),
        ("{" + '"a":{' * 80 + "}" * 81, "nested more than 64 levels deep"),
        ("[1]", "must be an object"),
        ("", "must be an object"),
        ("hush", "must be an object"),
        ("a: b: c", "is not YAML"),
        ("a: " + "x" * MAX_YAML_CHARACTERS, "use JSON"),
    ],
)
def test_what_is_no_document_is_refused_without_being_repeated(text: str, problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        read_document(text)
    assert problem in caught.value.problem
    assert "hush" not in caught.value.problem


def test_a_document_is_utf_8() -> None:
    assert decoded("größe".encode()) == "größe"
    with pytest.raises(BadDocument, match="UTF-8"):
        decoded("größe".encode("latin-1"))


def test_a_document_is_fetched_through_redirects_and_decompressed() -> None:
    network = Network(
        redirect("https://docs.example/v2.json"),
        answer(gzip.compress(b'{"openapi": "3.1.0"}'), Content_Encoding="gzip"),
    )
    assert fetch(network, Names(docs_example=[[PUBLIC], [PUBLIC]])) == '{"openapi": "3.1.0"}'


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1"])
def test_a_document_is_fetched_from_public_addresses_only(address: str) -> None:
    network = Network()
    with pytest.raises(BadDocument, match="cannot be fetched") as caught:
        fetch(network, Names(docs_example=[[address]]))
    assert network.connected == []
    assert "hush" not in caught.value.problem


def test_a_redirect_leads_to_public_addresses_only() -> None:
    network = Network(redirect("http://169.254.169.254/latest/meta-data/"))
    with pytest.raises(BadDocument, match="cannot be fetched"):
        fetch(network, Names(docs_example=[[PUBLIC]]), URL.replace("https", "http"))
    assert network.connected == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (answer(b"hush", 404), "its server answered with 404"),
        (answer(b"hush", 204), "its server answered with 204"),
        (answer(b"\xff\xfe"), "UTF-8"),
        (answer(b"hush", Content_Encoding="br"), "compressed in a way that was not asked for"),
    ],
)
def test_an_answer_without_a_document_is_told_by_its_status(reply: bytes, problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        fetch(Network(reply), Names(docs_example=[[PUBLIC]]))
    assert problem in caught.value.problem
    assert "hush" not in caught.value.problem


def test_a_document_has_a_size_however_well_it_is_compressed() -> None:
    network = Network(answer(gzip.compress(b" " * 100_000), Content_Encoding="gzip"))
    names = Names(docs_example=[[PUBLIC]])
    egress = EgressClient(
        EgressAllowList(), network=network, resolver=names, max_response_bytes=10_000
    )
    with pytest.raises(BadDocument, match="has more than"):
        DocumentFetcher(egress).fetch(URL)


def test_the_url_of_a_document_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        fetch(Network(answer(b"{}")), Names(docs_example=[[PUBLIC]]))
        with pytest.raises(BadDocument):
            fetch(Network(answer(b"", 500)), Names(docs_example=[[PUBLIC]]))
    assert "hush" not in caplog.text
