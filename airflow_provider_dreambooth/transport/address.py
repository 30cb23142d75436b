# SPDX-License-Identifier: Apache-2.0
"""Which network addresses a link of somebody else may lead to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


class ForbiddenAddressError(Exception):
    """A link leads to an address that it may not lead to; the text is the address."""


@dataclass(frozen=True)
class AddressRule:
    """
    What may be connected to.

    :param allow_private: also private networks and this machine itself; link-local addresses, where clouds keep
        their machines' credentials, are never allowed.
    """

    allow_private: bool

    def check(self, addresses: Sequence[str]) -> None:
        """
        Refuse a host of which any address is not allowed: with several the next connection could take another one.

        :param addresses: all addresses that the host's name stands for.
        :raises ForbiddenAddressError: one is not allowed.
        """
        for text in addresses:
            address = _meant(text)
            allowed = self.allow_private and not address.is_link_local
            if not (allowed or _is_public(address)):
                raise ForbiddenAddressError(text)


def is_public(text: str) -> bool:
    """Whether an address, such as ``10.0.0.5`` or ``64:ff9b::7f00:1``, is one of the public internet."""
    return _is_public(_meant(text))


def addresses_of(host: str, port: int | None = None) -> list[str]:
    """
    Return the addresses of a host, in the order to try; every form that a connection would take, such as ``127.1``.

    :param host: a name or an address.
    :param port: of the service there.
    :raises OSError: the name cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _meant(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address that packets reach in the end: an IPv6 address may carry an IPv4 one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return address
    carried = address.ipv4_mapped or address.sixtofour
    if carried is None and address in _NAT64:
        carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if carried is None and address in _IPV4_COMPATIBLE and int(address) > 1:
        carried = ipaddress.IPv4Address(int(address))
    return carried or address
