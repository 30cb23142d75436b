# SPDX-License-Identifier: Apache-2.0
"""
What a failed exchange means: from an exception of whichever HTTP library to the error that a person reads.

Before the first byte of the request went out, nothing can have been accepted. After that, a missing or cut answer
leaves it open. The library's own text is never quoted: it is written for programmers, and its objects hold the request.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.answer import printable
from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.api.reading import PERHAPS_PAID
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothTransientError
from airflow_provider_dreambooth.transport.address import ForbiddenAddressError
from airflow_provider_dreambooth.transport.reply import LARGEST_ANSWER, Failure, Reply
from airflow_provider_dreambooth.transport.trust import SetupError

#: Share of the request's time-out in which the connection must stand, so that the two can be told apart.
CONNECT_SHARE = 0.8
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}[^'\"\\]{0,80})")


def origin_of(url: str) -> str:
    """Return ``scheme://host[:port]`` of a URL: all of it that a message shows."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid address"
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:200])


def failure_of(cause: BaseException) -> Failure:
    """Return what an exception says, from the most telling of those that it wraps."""
    parts = list(_chain(cause))
    # aiohttp's own errors inherit from those of ssl without their attributes: the real one stands behind them.
    for part in reversed(parts):
        if isinstance(part, SetupError):
            return Failure("setup", str(part))
        if isinstance(part, ForbiddenAddressError):
            return Failure("forbidden", str(part))
        if isinstance(part, ssl.SSLCertVerificationError):
            return Failure("untrusted", getattr(part, "verify_message", None) or "verification failed")
    for part in reversed(parts):
        refused = _TUNNEL.search(str(part)) if isinstance(part, OSError) else None
        if refused:
            return Failure("proxy", f"it answered {printable(refused[1])}")
        if type(part).__name__ == "ClientHttpProxyError":
            said = f"{getattr(part, 'status', '')} {getattr(part, 'message', '')}"
            return Failure("proxy", f"it answered {printable(said[:80])}")
        if isinstance(part, ssl.SSLError):
            reason = str(getattr(part, "reason", None) or "handshake failed").lower().replace("_", " ")
            return Failure("tls", reason)
        if isinstance(part, socket.gaierror):
            return Failure("unresolved")
        if isinstance(part, ConnectionRefusedError):
            return Failure("refused")
    if any(isinstance(part, TimeoutError) or "Timeout" in type(part).__name__ for part in parts):
        return Failure("timeout")
    system = [part.strerror for part in parts if isinstance(part, OSError) and part.errno and part.strerror]
    return Failure("cut", system[-1] if system else type(parts[-1]).__name__)


def error_of(call: ApiCall[Any], url: str, reply: Reply, timeout: float) -> DreamboothTransientError:
    """Return the error for an exchange without a whole answer."""
    failure = reply.failure or Failure("cut")
    if failure.kind == "setup":
        return SetupError(
            f"{failure.detail} This stopped the call about {call.about}; nothing was accepted or charged.",
            training_id=call.training_id,
        )
    if not reply.sent:
        what, advice = why_not_sent(failure, url, reply.proxy, timeout)
        return DreamboothTransientError(
            f"{what}, so the call about {call.about} was not sent and nothing was accepted or charged. {advice}.",
            training_id=call.training_id,
            acceptance=Acceptance.NO,
        )
    host = host_of(url)
    if reply.too_large:
        what = (
            f"{host} answered the call about {call.about} with more than {LARGEST_ANSWER // 1024 // 1024} MB"
        )
    elif failure.kind == "timeout":
        what = f"{host} did not answer the call about {call.about} within {timeout:g} s"
    else:
        what = f"The connection to {host} was cut before the call about {call.about} was answered"
    if reply.proxy:
        what += f" (by way of the proxy {reply.proxy})"
    then = PERHAPS_PAID if call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED else "This is usually temporary."
    return DreamboothTransientError(
        f"{what}. {then}",
        training_id=call.training_id,
        http_status=reply.status or None,
        acceptance=Acceptance.UNKNOWN,
    )


def proxy_wants_a_password(call: ApiCall[Any], proxy: str | None) -> DreamboothTransientError:
    """Return the error for HTTP 407: a proxy answered, and passed nothing on."""
    name = f"The proxy {proxy}" if proxy else "A proxy on the way"
    return DreamboothTransientError(
        f"{name} wants a user and a password (HTTP 407), so the call about {call.about} did not reach the service and "
        "nothing was accepted or charged. Put them into the proxy's URL in this machine's environment.",
        training_id=call.training_id,
        http_status=407,
        acceptance=Acceptance.NO,
    )


def why_not_sent(failure: Failure, url: str, proxy: str | None, timeout: float) -> tuple[str, str]:
    """Return what kept a request from going out, and what to do."""
    host = host_of(url)
    check = "Check host and port in the connection"
    if failure.kind == "untrusted":
        return (
            f"The certificate of {host} is not trusted ({failure.detail})",
            "Put the path of the right CA bundle into the connection's 'verify' (a test server: false)",
        )
    if failure.kind == "tls":
        by = f" through the proxy {proxy}" if proxy else ""
        return (
            f"No TLS connection to {host} could be made{by} ({failure.detail})",
            "Check that the server speaks https at this port; a local emulator usually speaks http",
        )
    if proxy is not None:
        how = {
            "refused": "refused the connection",
            "unresolved": "has a host name that cannot be resolved",
            "timeout": f"made no connection to {host} within {timeout * CONNECT_SHARE:g} s",
            "proxy": f"made no connection to {host}: {failure.detail}",
        }.get(failure.kind, f"made no connection to {host} ({failure.detail})")
        return (
            f"The proxy {proxy} {how}",
            "Check the proxy, and HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in this machine's environment",
        )
    if failure.kind == "unresolved":
        return (
            f"The host name of {origin_of(url)} cannot be resolved",
            "Check the spelling of the host in the connection, and this machine's DNS",
        )
    if failure.kind == "refused":
        return (
            f"{host} refused the connection",
            f"{check}, and that the server is running there (locally: start dreambooth-emulator)",
        )
    if failure.kind == "timeout":
        return (
            f"{host} did not accept the connection within {timeout * CONNECT_SHARE:g} s",
            f"{check}, and the network in between",
        )
    return f"Cannot connect to {origin_of(url)} ({failure.detail})", check


def host_of(url: str) -> str:
    """Return ``host[:port]`` of a URL."""
    return origin_of(url).partition("://")[2]


def _chain(cause: BaseException) -> Iterator[BaseException]:
    """Walk an exception and all that it wraps, however the library wraps it."""
    seen: set[int] = set()
    waiting: list[Any] = [cause]
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, BaseException) or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += [part.__cause__, part.__context__, getattr(part, "os_error", None)]
        waiting += [getattr(part, "reason", None), *part.args]
