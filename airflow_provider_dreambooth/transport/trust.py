# SPDX-License-Identifier: Apache-2.0
"""
Whom to trust and which proxy to take: decided once for both transports, from the connection and the environment
variables that administrators know, as ``requests`` reads them (``REQUESTS_CA_BUNDLE``, ``HTTPS_PROXY``, ``NO_PROXY`` …).
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.transport.per_process import PerProcess

_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


class SetupError(DreamboothTransientError):
    """What this machine is told about trust or proxies cannot be used, so nothing was sent. Another may be set up well."""


def bundle_of(verify: bool | str) -> bool | str:
    """
    Return the path of the CA bundle to check certificates with, ``False`` to check none.

    :param verify: the connection's setting; ``True`` takes the environment's bundle, else that of requests.
    """
    if verify is not True:
        return verify
    for variable in _BUNDLE_VARIABLES:
        path = os.environ.get(variable)
        if path:
            return path
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return DEFAULT_CA_BUNDLE_PATH


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """
    Return the one TLS context of this process for a setting. Building it takes tens of milliseconds.

    :param verify: the connection's setting.
    :raises SetupError: the CA bundle cannot be read.
    """
    bundle = bundle_of(verify)
    try:
        # A bundle that was renewed on disk is read again by the next client.
        changed = 0 if isinstance(bundle, bool) else Path(bundle).stat().st_mtime_ns
        return _contexts[bundle, changed]
    except (OSError, ValueError):
        pass
    variable = next((name for name in _BUNDLE_VARIABLES if os.environ.get(name) == bundle), None)
    where = (
        f"the environment variable {variable}" if verify is True and variable else "the connection's 'verify'"
    )
    raise SetupError(
        f"The CA bundle {bundle!r} of {where} cannot be read as certificates here. Correct it: the path of a PEM file "
        "(in the connection also true or false). Nothing was sent."
    )


def _build(key: tuple[bool | str, int]) -> ssl.SSLContext:
    bundle, _ = key
    if isinstance(bundle, bool):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    is_folder = Path(bundle).is_dir()
    return ssl.create_default_context(
        cafile=None if is_folder else bundle, capath=bundle if is_folder else None
    )


_contexts: PerProcess[tuple[bool | str, int], ssl.SSLContext] = PerProcess(_build)


def proxy_for(url: str) -> str | None:
    """
    Return the proxy that the environment names for a URL, with its scheme, ``None`` for none.

    :raises SetupError: it names one that is none.
    """
    from requests.utils import get_environ_proxies, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    # As requests and curl: without a scheme it is an http proxy.
    scheme, named, rest = proxy.partition("://")
    written = f"{scheme.lower()}://{rest}" if named else f"http://{proxy}"
    try:
        parts = urlsplit(written)
        usable = bool(parts.hostname) and parts.scheme in _PROXY_SCHEMES and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SetupError(
            f"The proxy {shown_proxy(written)!r} of this machine's environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) "
            "cannot be used: write http://host:port or socks5://host:port. Nothing was sent."
        )
    return written


def shown_proxy(proxy: str) -> str:
    """Return a proxy as a message shows it: without user and password."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].split('/')[0]}"
