"""The operator's list of what tools may reach although it is private."""

import pytest

from adapters.egress import EgressAllowList
from adapters.egress.addresses import parse_address


def allows(entries: str, address: str, port: int) -> bool:
    found = parse_address(address)
    assert found is not None
    return EgressAllowList.parse(entries).allows_address(found, port)


@pytest.mark.parametrize(
    ("entries", "address", "port", "allowed"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", 8081, False),
        ("127.0.0.1:8080", "127.0.0.2", 8080, False),
        ("127.0.0.1", "127.0.0.1", 1, True),
        ("10.0.0.0/8", "10.200.0.1", 443, True),
        ("10.0.0.0/8", "11.0.0.1", 443, False),
        ("10.0.0.0/8:443", "10.0.0.1", 443, True),
        ("10.0.0.0/8:443", "10.0.0.1", 80, False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", 443, True),
        ("fd00::/8", "fd12::1", 443, True),
        ("[fd00::/8]:443", "fd12::1", 443, True),
        ("[fd00::/8]:443", "fd12::1", 80, False),
        ("[::1]:9", "::1", 9, True),
        ("[::1]", "::1", 10, True),
        ("::1", "::1", 10, True),
        ("::1", "127.0.0.1", 10, False),
        ("0.0.0.0/0", "::1", 80, False),
        (" 10.0.0.1 , ,192.168.0.0/16, ", "192.168.3.4", 80, True),
        ("", "127.0.0.1", 80, False),
        ("internal.example", "10.0.0.1", 80, False),
    ],
)
def test_addresses_are_allowed_by_network_and_port(
    entries: str, address: str, port: int, allowed: bool
) -> None:
    assert allows(entries, address, port) is allowed


def test_hosts_are_allowed_by_their_whole_name_and_port() -> None:
    found = EgressAllowList.parse("Internal.Example, api.local.:8080,localhost")
    assert found.allows_host("internal.example", 1)
    assert found.allows_host("api.local", 8080)
    assert found.allows_host("localhost", 80)
    assert not found.allows_host("api.local", 80)
    assert not found.allows_host("sub.internal.example", 80)
    assert not found.allows_host("internal.example.evil.example", 80)
    assert not found.allows_host("xinternal.example", 80)


@pytest.mark.parametrize(
    "entry",
    [
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.256",
        "2130706433",
        "0x7f.1",
        "host:0",
        "host:65536",
        "host:",
        "host:http",
        "host:-1",
        "*.example",
        "http://host",
        "host/path",
        "ho st",
        "-host",
        "[::1",
        "[10.0.0.1]:80",
        "[host]:80",
        "[::1]:x",
        "::1/0",
        "ho\u0455t",
        "host:\u0661",
        ":80",
        "a" * 254,
    ],
)
def test_an_entry_that_is_neither_host_nor_network_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="is not host") as caught:
        EgressAllowList.parse(f"127.0.0.1,{entry},10.0.0.0/8")
    assert repr(entry) in str(caught.value)
