# SPDX-License-Identifier: Apache-2.0
"""
How links are fetched: by GET and without the key, from whatever host serves them. No I/O in here.

The service's links answer 404 for a while after they were announced (observed), some stores answer 403 for
what is not there yet: both are waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from airflow_provider_dreambooth.api.answer import printable
from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.api.link_text import bare_link, for_display
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.transport.errors import error_of, proxy_wants_a_password
from airflow_provider_dreambooth.transport.exchange import Pause
from airflow_provider_dreambooth.transport.reply import Reply
from airflow_provider_dreambooth.transport.retry import Retry, RetryPolicy

#: Most bytes of one file: a rendering of 1024 x 1024 as PNG stays below 4 MB.
LARGEST = 32 * 1024 * 1024
PATIENCE = RetryPolicy(tries=9, total=60.0, first_delay=1.0, longest_delay=10.0)
#: A file may take this many times the connection's time-out, which is meant for short answers.
TIME_FACTOR = 4.0
#: Files that are fetched at the same time at the most.
AT_ONCE = 8
HEADERS = {"Accept": "image/*, */*;q=0.5"}
MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_YET = (403, 404, 408, 425, 429)


@dataclass(frozen=True)
class Get:
    """Fetch an address; redirects are not followed."""

    url: str


def conversation(
    url: str, *, limit: int, policy: RetryPolicy, timeout: float, clock: Callable[[], float]
) -> Generator[Get | Pause, Reply | None, bytes]:
    """
    Yield the steps of a download, and return the bytes.

    :param url: the link.
    :param limit: most bytes to take.
    :param policy: how patient to be.
    :param timeout: the connection's, in seconds.
    :param clock: seconds, never going back.
    :raises DreamboothError: it cannot be fetched, or is too large.
    """
    call = _call(url)
    retry = Retry(policy, Repeat.FREELY, clock())
    while True:
        try:
            return (yield from _fetch(call, limit, timeout * TIME_FACTOR))
        except DreamboothError as caught:
            error = caught
        delay = retry.delay_after(error, clock())
        if delay is None:
            raise retry.conclude(error, clock())
        yield Pause(delay)


def _call(url: str) -> ApiCall[Any]:
    """Return what names a download in messages: the link without its query, which can hold a signature."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise DreamboothValidationError(
            f"{for_display(url)[:200]!r} is no link that a file can be fetched from."
        )
    about = printable(f"the file {bare_link(url)}"[:300])
    return ApiCall(path=url, body={}, read=lambda document: document, about=about)


def _fetch(call: ApiCall[Any], limit: int, timeout: float) -> Generator[Get | Pause, Reply | None, bytes]:
    url = call.path
    for _ in range(MOST_REDIRECTS + 1):
        reply = yield Get(url)
        assert reply is not None
        target = _redirected(call, url, reply, timeout)
        if target is None:
            return _content(call, reply, limit)
        url = target
    raise DreamboothValidationError(
        f"{_capital(call.about)} redirects more than {MOST_REDIRECTS} times. Check the link."
    )


def _redirected(call: ApiCall[Any], url: str, reply: Reply, timeout: float) -> str | None:
    """Return where the link leads to instead, ``None`` where it ends."""
    if reply.failure is not None:
        raise error_of(call, url, reply, timeout)
    if reply.status == 407:
        raise proxy_wants_a_password(call, reply.proxy)
    location = reply.headers.get("Location")
    if reply.status not in _REDIRECTS or not location:
        return None
    try:
        target = urljoin(url, location)
        _call(target)
    except ValueError:
        raise DreamboothValidationError(
            f"{_capital(call.about)} redirects to an address that is none (HTTP {reply.status}). Check the link.",
            http_status=reply.status,
        ) from None
    return target


def _content(call: ApiCall[Any], reply: Reply, limit: int) -> bytes:
    error = _error_in(call, reply)
    if error is not None:
        raise error
    reply.decode(limit)
    if reply.too_large:
        raise DreamboothValidationError(
            f"{_capital(call.about)} is larger than {limit / 1024 / 1024:g} MB and was not fetched. "
            "Check that the link leads to an image."
        )
    return reply.body


def _error_in(call: ApiCall[Any], reply: Reply) -> DreamboothError | None:
    """Return the error that an HTTP code means for a file, ``None`` when it is there."""
    status = reply.status
    if status == 200:
        return None
    if status in _NOT_YET or status >= 500:
        return DreamboothTransientError(
            f"{_capital(call.about)} is not there (HTTP {status}). Links of the service come alive some "
            "seconds after they are announced and can end after 24 hours; if this stays, render again.",
            http_status=status,
            acceptance=Acceptance.NO,
        )
    return DreamboothNotFoundError(
        f"{_capital(call.about)} cannot be fetched (HTTP {status}). The link may have ended: render again.",
        http_status=status,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
