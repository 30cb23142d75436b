# SPDX-License-Identifier: Apache-2.0
"""Which network addresses a link of somebody else may lead to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.fingerprint import is_hosted
from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.transport.trust import proxy_for

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
#: Where clouds keep their machines' credentials outside link-local addresses: AWS, Azure (an address of the public
#: internet, answered by the host), Alibaba, Oracle.
_CREDENTIALS = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192"))
)
#: What registries have set aside and not every Python that is supported knows of.
_SET_ASIDE = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)


class ForbiddenAddressError(Exception):
    """A link leads to an address that it may not lead to; the text is the address."""


@dataclass(frozen=True)
class AddressRule:
    """
    What may be connected to.

    :param allow_private: also private networks and this machine itself; where clouds keep their machines'
        credentials, at link-local addresses and a few others, is never allowed.
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
            kept = address.is_link_local or address in _CREDENTIALS
            if kept or not (self.allow_private or _is_public(address)):
                raise ForbiddenAddressError(text)


def may_be_private(base_url: str) -> bool:
    """
    Return whether links may lead into private networks: only when the service itself is in one, as the emulator is.

    :param base_url: the connection's base URL. Behind a proxy, a host that cannot be resolved here counts as public.
    :raises DreamboothTransientError: the host cannot be resolved, so what its links may be is not known.
    """
    if is_hosted(base_url):
        return False
    host = urlsplit(base_url).hostname or ""
    try:
        addresses = addresses_of(host)
    except OSError as error:
        if proxy_for(base_url):
            return False
        raise DreamboothTransientError(
            f"The name {host!r} of the connection's host cannot be resolved here, so it is not known whether links may lead "
            "into private networks. No link was fetched and nothing was paid for it. A retry asks again; if it stays, check "
            "the field 'host' of the connection."
        ) from error
    return not any(_is_public(_meant(address)) for address in addresses)


def addresses_of(host: str, port: int | None = None) -> list[str]:
    """
    Return the addresses of a host, in the order to try; every form that a connection would take, such as ``127.1``.

    :param host: a name or an address.
    :raises OSError: the name cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    set_aside = address.is_multicast or address.is_reserved or any(address in block for block in _SET_ASIDE)
    return address.is_global and not set_aside


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
