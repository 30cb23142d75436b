"""
What a failed exchange means, from the exception of whichever HTTP library carried it.

Before the request went out, nothing can have been accepted. After that, a missing or cut answer leaves it
open. The library's own text is never quoted: it is written for programmers, and its objects hold the request.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothTransientError

#: Share of the request's time-out in which the connection must stand, so that the two can be told apart.
CONNECT_SHARE = 0.8


def origin_of(url: str) -> str:
    """Return ``scheme://host[:port]`` of a URL: all of it that a message shows."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def not_connected(
    call: ApiCall[Any], url: str, cause: BaseException, timeout: float
) -> DreamboothTransientError:
    """
    Return the error for a request that never went out.

    :param call: what was to be asked.
    :param url: where it was to go.
    :param cause: the library's exception.
    :param timeout: seconds the request had.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    what, advice = _why_not_connected(list(_chain(cause)), url, host, timeout)
    return DreamboothTransientError(
        f"{what}, so the call about {call.about} was not sent and nothing was accepted or charged. {advice}.",
        training_id=call.training_id,
        acceptance=Acceptance.NO,
    )


def answer_lost(
    call: ApiCall[Any], url: str, cause: BaseException, timeout: float
) -> DreamboothTransientError:
    """
    Return the error for a request that went out and whose answer did not come, or not whole.

    :param call: what was asked.
    :param url: where it went.
    :param cause: the library's exception.
    :param timeout: seconds the request had.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    if any(isinstance(part, TimeoutError) for part in _chain(cause)) or "Timeout" in type(cause).__name__:
        what = f"{host} did not answer the call about {call.about} within {timeout:g} s"
    else:
        what = f"The connection to {host} was cut before the call about {call.about} was answered"
    if call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED:
        then = "The service may have accepted it, and charged for it: it is not sent again by itself."
    else:
        then = "This usually passes."
    return DreamboothTransientError(
        f"{what}. {then}", training_id=call.training_id, acceptance=Acceptance.UNKNOWN
    )


def _why_not_connected(parts: list[BaseException], url: str, host: str, timeout: float) -> tuple[str, str]:
    """Return what happened and what to do, from the most telling of the exceptions."""
    check = "Check host and port in the connection"
    # aiohttp's own errors inherit from those of ssl without their attributes: the real one stands behind them.
    for part in reversed(parts):
        if isinstance(part, ssl.SSLCertVerificationError):
            reason = getattr(part, "verify_message", None) or "verification failed"
            return (
                f"The certificate of {host} is not trusted ({reason})",
                "Put the path of the right CA bundle into the connection's 'verify' (a test server: false)",
            )
    for part in reversed(parts):
        if isinstance(part, ssl.SSLError):
            reason = str(getattr(part, "reason", None) or "handshake failed").lower().replace("_", " ")
            return (
                f"No TLS connection to {host} could be made ({reason})",
                "Check that the server speaks https at this port; a local emulator usually speaks http",
            )
        if isinstance(part, socket.gaierror):
            return (
                f"The host name of {origin_of(url)} cannot be resolved",
                "Check the spelling of the host in the connection, and this machine's DNS",
            )
        if isinstance(part, ConnectionRefusedError):
            return (
                f"{host} refused the connection",
                f"{check}, and that the server is running there (locally: start dreambooth-emulator)",
            )
    if any(isinstance(part, TimeoutError) for part in parts):
        return (
            f"{host} did not take the connection within {timeout * CONNECT_SHARE:g} s",
            f"{check} and the network between",
        )
    reasons = [part.strerror for part in parts if isinstance(part, OSError) and part.errno and part.strerror]
    return f"Cannot connect to {origin_of(url)}" + (f" ({reasons[-1]})" if reasons else ""), check


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
