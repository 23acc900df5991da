"""Which addresses tools may reach: globally routable unicast, and what an operator allows.

Python's `is_global` alone does not do: it says yes to multicast, and, before its 3.11.10 and 3.12.4
releases, to addresses that IANA has since registered as not global. So the ranges are listed here,
after IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890), and `is_global` must agree.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# Metadata and credentials of the machine itself. They stay closed whatever an operator allows.
_METADATA_V4 = (
    IPv4Network("169.254.169.254"),  # AWS, Azure, Google Cloud and others
    IPv4Network("169.254.170.0/24"),  # AWS: credentials of containers (.2 ECS, .23 EKS)
    IPv4Network("100.100.100.200"),  # Alibaba Cloud
    IPv4Network("168.63.129.16"),  # Azure's wire server, in a public range
    IPv4Network("192.0.0.192"),  # Oracle Cloud, older
)
_METADATA_V6 = (
    IPv6Network("fd00:ec2::/32"),  # AWS: ::254 metadata, ::23 credentials, ::253 DNS
    IPv6Network("fd20:ce::254"),  # Google Cloud
)
# No connection to these means what it says: "this host" reaches the loopback interface.
_NEVER_V4 = (IPv4Network("0.0.0.0/8"), IPv4Network("224.0.0.0/4"), IPv4Network("255.255.255.255"))
_NEVER_V6 = (IPv6Network("::/128"), IPv6Network("ff00::/8"))

_SPECIAL_V4 = tuple(
    IPv4Network(text)
    for text in (
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # shared by carriers (RFC 6598)
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated (RFC 7526)
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "240.0.0.0/4",  # reserved
    )
)
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocols, with Teredo (2001::/32) and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: leads to whatever IPv4 address it holds
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215
# IPv4-compatible (RFC 4291, 2.5.5.1) and IPv4-translated (RFC 2765) addresses.
_IPV4_AT_THE_END = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), _NAT64)
_ISATAP_MARKS = (0x00005EFE, 0x02005EFE)  # RFC 5214, section 6.1


def parse_address(text: str) -> Address | None:
    """Return the address that the text writes in its usual form, or None.

    An IPv4-mapped address comes back as the IPv4 address that a connection to it would reach.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id is None:
        return address.ipv4_mapped or address
    # A zone (`%eth0`) chooses an interface of this machine.
    return None if isinstance(address, IPv6Address) else address


def is_public(address: Address) -> bool:
    """Return whether the address is globally routable unicast, and no metadata service."""
    if is_never_allowed(address):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not _within(address, _SPECIAL_V4)
    if address in _NAT64:
        # With DNS64 an IPv6-only network reaches IPv4 services by these addresses.
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return (
        address in _GLOBAL_UNICAST_V6
        and address.is_global
        and not _within(address, _SPECIAL_V6)
        and not _is_isatap(address)
    )


def is_never_allowed(address: Address) -> bool:
    """Return whether the address stays closed even if an operator's list covers it."""
    if isinstance(address, IPv4Address):
        return _within(address, _METADATA_V4) or _within(address, _NEVER_V4)
    if _within(address, _METADATA_V6) or _within(address, _NEVER_V6):
        return True
    return any(_within(inner, _METADATA_V4) for inner in _embedded(address))


def _within(address: Address, networks: tuple[IPv4Network, ...] | tuple[IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)


def _is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & 0xFFFFFFFF in _ISATAP_MARKS


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses at which some translator or tunnel could deliver this address."""
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if _within(address, _IPV4_AT_THE_END) or _is_isatap(address):
        yield IPv4Address(number & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64_LOCAL:
        yield from _translated(number)


def _translated(number: int) -> Iterator[IPv4Address]:
    """Yield the IPv4 address for each length of prefix (RFC 6052, section 2.2).

    Bits 64 to 71 are skipped, because they are zero in every such address.
    """
    without_gap = (number >> 64 << 56) | (number & ((1 << 56) - 1))
    for length in (48, 56, 64):
        yield IPv4Address((without_gap >> (120 - length - 32)) & 0xFFFFFFFF)
    yield IPv4Address(number & 0xFFFFFFFF)
