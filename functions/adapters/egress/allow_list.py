"""What an operator lets tools reach although it is not public."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

from adapters.egress.addresses import Address

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\Z")
# "Names" whose last label is a number are IPv4 addresses in disguise (URL standard, "ends in a
# number checker"): 2130706433, 0x7f.1, 0177.0.0.1.
_DISGUISE = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\Z")
_LONGEST_HOST = 253  # RFC 1035, section 2.3.4, as text


@dataclass(frozen=True, slots=True)
class _Hosts:
    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class _Networks:
    network: IPv4Network | IPv6Network
    port: int | None


@dataclass(frozen=True, slots=True)
class EgressAllowList:
    """Hosts and networks that tools may reach in addition to the public internet.

    Metadata services stay closed whatever the list says.
    """

    _hosts: tuple[_Hosts, ...] = ()
    _networks: tuple[_Networks, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the list that the text writes.

        Args:
            text: entries between commas: `host`, `host:port`, an address or a CIDR block, each with
                or without a port; an IPv6 address or block with a port stands in brackets, as in
                `[fd00::/8]:443`. Without a port an entry opens all ports. "" opens nothing.

        Raises:
            ValueError: an entry is none of these; the message names it.
        """
        hosts: list[_Hosts] = []
        networks: list[_Networks] = []
        for entry in (part.strip() for part in text.split(",")):
            if not entry:
                continue
            found = _parse_entry(entry)
            if isinstance(found, _Hosts):
                hosts.append(found)
            else:
                networks.append(found)
        return cls(tuple(hosts), tuple(networks))

    def allows_host(self, host: str, port: int) -> bool:
        """Return whether the list names the host, which is in lower case, for this port."""
        return any(one.name == host and one.port in (None, port) for one in self._hosts)

    def allows_address(self, address: Address, port: int) -> bool:
        """Return whether a network of the list holds the address, for this port."""
        return any(address in one.network and one.port in (None, port) for one in self._networks)


def is_host_name(text: str) -> bool:
    """Return whether the text, in lower case, names a host and cannot be read as an address."""
    return (
        len(text) <= _LONGEST_HOST
        and _HOST.match(text) is not None
        and _DISGUISE.match(text) is None
    )


def _parse_entry(entry: str) -> _Hosts | _Networks:
    network = _network(entry)
    if network is not None:
        return _Networks(network, None)
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](?::([0-9]{1,5}))?", entry)
    if bracketed is not None:
        network = _network(bracketed[1])
        if isinstance(network, IPv6Network):
            return _Networks(network, _port(entry, bracketed[2]))
        raise _invalid(entry)
    name, colon, digits = entry.partition(":")
    if colon and not re.fullmatch(r"[0-9]{1,5}", digits):
        raise _invalid(entry)
    port = _port(entry, digits or None)
    network = _network(name)
    if network is not None:
        return _Networks(network, port)
    host = name.lower().removesuffix(".")
    if not is_host_name(host):
        raise _invalid(entry)
    return _Hosts(host, port)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _port(entry: str, digits: str | None) -> int | None:
    if digits is None:
        return None
    if not 0 < int(digits) <= 65_535:
        raise _invalid(entry)
    return int(digits)


def _invalid(entry: str) -> ValueError:
    return ValueError(
        f"{entry!r} is not host[:port] or CIDR[:port], as in internal.example:8080 or 10.0.0.0/8."
    )
