"""Which servers an OpenAPI document may name."""

from typing import Any

import pytest

from core.openapi import InvalidDocument, Servers, parse_document, server_of
from tests.support.openapi import by_name, mistake, one_operation, pets


def test_server_variables_take_their_defaults() -> None:
    document = pets()
    document["servers"] = [
        {
            "url": "https://{region}.pets.example:{port}/{base}",
            "variables": {
                "region": {"default": "eu", "enum": ["eu", "us"]},
                "port": {"default": "8443"},
                "base": {"default": "v2"},
            },
        }
    ]
    assert by_name(document)["listPets"].server_url == "https://eu.pets.example:8443/v2"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("HTTPS://API.Example.COM/V1/", "https://api.example.com/V1"),
        ("http://[0:0::1]:80/a", "http://[::1]:80/a"),
        ("http://169.254.169.254/", "http://169.254.169.254"),
    ],
)
def test_any_host_may_be_registered_since_egress_decides_at_the_call(url: str, kept: str) -> None:
    document = pets()
    document["servers"] = [{"url": url}]
    assert by_name(document)["listPets"].server_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "/v1",
        "//pets.example",
        "pets.example",
        "ftp://pets.example",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user:word@pets.example",
        "https://good.example\\@evil.example",
        "https://pets.example/?key=1",
        "https://pets.example/#top",
        "https://pets.example?",
        "https://pets.example:0",
        "https://pets.example:",
        "https://pets.example:99999",
        "https://pets.example:x",
        "https://pets.example/a/../b",
        "https://pets.example/%2e%2E/b",
        "https://pets.example/%zz",
        "https://pets.example/a b",
        "https://pets.example/\r\nX: y",
        "https://pets .example",
        "https://\uff11\uff12\uff17.0.0.1",
        "https://b\u00fccher.example",
        "https://[fe80::1%25eth0]",
        "https://[::1",
        "https://-pets.example",
        "https://{undescribed}.example",
        "https://pets.example/" + "a" * 3_000,
    ],
)
def test_a_server_url_that_is_not_plainly_absolute_is_refused(url: str) -> None:
    document = pets()
    document["servers"] = [{"url": url}]
    assert mistake(document).param == "servers[0].url"


def test_a_document_without_servers_is_refused() -> None:
    document = one_operation()
    document["servers"] = []
    assert mistake(document).message.startswith("servers is missing: ")


def server_urls(document: dict[str, Any], servers: Servers) -> dict[str, str]:
    found = parse_document(document, servers=servers).operations
    return {operation.name: operation.server_url for operation in found}


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("/api/v3", "https://docs.example/api/v3"),
        ("v3", "https://docs.example/specs/v3"),
        ("../v3/", "https://docs.example/v3"),
        ("//pets.example/v1", "https://pets.example/v1"),
        ("http://pets.example", "http://pets.example"),
        (None, "https://docs.example"),
    ],
)
def test_a_server_is_relative_to_where_the_document_was_found(url: str | None, meant: str) -> None:
    document = one_operation()
    document["servers"] = [] if url is None else [{"url": url}]
    found = server_urls(document, Servers(location="https://docs.example/specs/a.json?key=hush"))
    assert found == {"post_things": meant}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x", "https://a@b.example", "//[::1"])
def test_a_location_makes_no_other_scheme_or_credentials_possible(url: str) -> None:
    document = one_operation()
    document["servers"] = [{"url": url}]
    with pytest.raises(InvalidDocument, match=r"^servers\[0\].url "):
        server_urls(document, Servers(location="https://docs.example/a.json"))


def test_a_server_of_the_users_choice_replaces_all_that_the_document_names() -> None:
    document = pets()
    document["servers"] = [{"url": "https://{your-domain}.example"}]
    assert set(server_urls(document, server_of("https://mine.example/v2/")).values()) == {
        "https://mine.example/v2"
    }


@pytest.mark.parametrize("url", ["", "/v1", "ftp://x", "https://a:b@c.example", "https://x/?a=1"])
def test_a_server_of_the_users_choice_is_checked_as_a_documents_is(url: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        server_of(url)
    assert caught.value.param == "server_url"


def test_a_variable_default_outside_its_enum_is_refused() -> None:
    document = pets()
    document["servers"] = [
        {"url": "https://{r}.example", "variables": {"r": {"default": "x", "enum": ["y"]}}}
    ]
    assert mistake(document).param == "servers[0].variables.r.default"
