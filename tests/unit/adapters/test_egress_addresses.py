"""Which addresses tools may reach."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.egress.addresses import is_never_allowed, is_public, parse_address


def parsed(text: str) -> bool:
    address = parse_address(text)
    assert address is not None
    return is_public(address)


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "172.15.255.255",
        "172.32.0.1",
        "192.169.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001:81b::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_globally_routable_unicast_is_public(text: str) -> None:
    assert parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.1.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2a00:1450::5efe:8.8.8.8",
        "2a00:1450::200:5efe:10.0.0.1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_all_other_addresses_are_not_public(text: str) -> None:
    assert not parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:ffa9:fe:a9fe::",
        "64:ff9b:1:ffff:a9:fea9:fe00:0",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::",
        "2001:0:0101:0101:0:0:5601:5601",
        "fe80::5efe:169.254.169.254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ],
)
def test_metadata_services_and_meaningless_addresses_are_never_allowed(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert is_never_allowed(address)
    assert not is_public(address)


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "::1", "10.1.2.3", "169.254.1.1", "fd12::1", "fe80::1"]
)
def test_private_addresses_may_be_allowed(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert not is_never_allowed(address)


@pytest.mark.parametrize(
    "text",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.01",
        "127.0.0.1.",
        " 127.0.0.1",
        "127.0.0.1/32",
        "\u0661\u0662\u0667.0.0.1",
        "fe80::1%eth0",
        "::1%1",
        "[::1]",
        "localhost",
        "",
    ],
)
def test_only_the_usual_form_of_an_address_is_read(text: str) -> None:
    assert parse_address(text) is None


@given(st.ip_addresses(v=4).map(str))
def test_an_ipv4_address_within_ipv6_is_judged_as_itself(text: str) -> None:
    assert parse_address(f"::ffff:{text}") == parse_address(text)
    assert parsed(f"64:ff9b::{text}") == parsed(text)


@given(st.ip_addresses().map(str))
def test_nothing_public_is_reserved_in_pythons_eyes(text: str) -> None:
    address = parse_address(text)
    if address is None or not is_public(address) or text.startswith("64:ff9b:"):
        return
    assert address.is_global
    assert not address.is_multicast
    assert not address.is_loopback
    assert not address.is_link_local
    assert not address.is_reserved
    assert not address.is_unspecified


def test_a_mapped_metadata_address_is_recognised_in_its_raw_form_too() -> None:
    assert is_never_allowed(ip_address("::ffff:169.254.169.254"))
    assert not is_never_allowed(ip_address("::ffff:10.0.0.1"))
