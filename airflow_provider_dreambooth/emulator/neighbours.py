# SPDX-License-Identifier: Apache-2.0
"""
Whom the emulator serves: not a web page of somebody else that a browser on this machine has open.

Such a page can send requests to this machine, and read the answers when its own name leads here (DNS rebinding). The name in
the `Host` header tells the second, the headers that browsers add tell the first.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Iterable, Mapping

from airflow_provider_dreambooth.emulator.options import Options

# The name that Starlette's test client uses; it leads nowhere.
_TEST_CLIENT = "testserver"
_ALL_INTERFACES = ("0.0.0.0", "::")


def is_own_host(options: Options, host: str) -> bool:
    """Tell whether a name or address stands for this emulator.

    :param host: without its port, IPv6 without brackets.
    """
    host = host.lower()
    names = {"localhost", _TEST_CLIENT, options.host, *options.allow_host}
    names.add(urllib.parse.urlsplit(options.public_url).hostname or "localhost")
    if host in {name.lower() for name in names}:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or options.host in _ALL_INTERFACES


def is_exposed(options: Options) -> bool:
    """Tell whether other machines reach the emulator."""
    try:
        return not ipaddress.ip_address(options.host).is_loopback
    except ValueError:
        return options.host != "localhost"


def refusal(options: Options, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return why a request is refused, or None."""
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    host = named.get("host", "")
    try:
        hostname = urllib.parse.urlsplit(f"//{host}").hostname or ""
    except ValueError:
        hostname = ""
    if not is_own_host(options, hostname):
        return f"The Host header {host[:100]!r} is not this emulator's. Start it with --allow-host NAME to serve that name."
    if path.startswith("/emulator") and method not in ("GET", "HEAD") and _is_cross_site(named, host):
        return "A page of another site may not change this emulator."
    return None


def _is_cross_site(headers: Mapping[str, str], host: str) -> bool:
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    # A page without an origin of its own sends the word null.
    return origin is not None and origin.partition("://")[2] != host
