"""
Whom to trust and which proxy to take: decided once for both transports, from the connection and the
environment variables that administrators know (``REQUESTS_CA_BUNDLE``, ``HTTPS_PROXY``, ``NO_PROXY`` ...).
"""

from __future__ import annotations

import os
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

from airflow_provider_dreambooth.exceptions import DreamboothValidationError

_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def bundle_of(verify: bool | str) -> bool | str:
    """
    Return the path of the CA bundle to check certificates with, ``False`` to check none.

    :param verify: the connection's setting; ``True`` takes the environment's bundle, else certifi's.
    """
    if verify is not True:
        return verify
    for variable in _BUNDLE_VARIABLES:
        path = os.environ.get(variable)
        if path and Path(path).exists():
            return path
    import certifi

    return certifi.where()


_contexts: dict[tuple[str, int], ssl.SSLContext] = {}
_contexts_lock = threading.Lock()


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """
    Return the one TLS context of this process for a setting. Building it takes tens of milliseconds.

    :param verify: the connection's setting.
    :raises DreamboothValidationError: the CA bundle cannot be read.
    """
    bundle = bundle_of(verify)
    with _contexts_lock:
        try:
            # A bundle that was renewed on disk is read again by the next client.
            key = ("", 0) if isinstance(bundle, bool) else (bundle, Path(bundle).stat().st_mtime_ns)
            if key not in _contexts:
                _contexts[key] = _build(bundle)
            return _contexts[key]
        except OSError:
            pass
    raise DreamboothValidationError(
        f"The CA bundle {bundle!r} cannot be read as certificates. Mend the connection's 'verify': true, "
        "false, or the path of a PEM file. Nothing was sent."
    )


def _unlock() -> None:
    # A thread of the parent may have held it when Airflow forked.
    global _contexts_lock
    _contexts_lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock)


def _build(bundle: bool | str) -> ssl.SSLContext:
    if isinstance(bundle, bool):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    is_folder = Path(bundle).is_dir()
    return ssl.create_default_context(
        cafile=None if is_folder else bundle, capath=bundle if is_folder else None
    )


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL, ``None`` for none."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)
