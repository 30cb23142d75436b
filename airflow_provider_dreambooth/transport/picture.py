"""
How finished pictures are fetched: by GET and without the key, from whatever host serves them.

The service's links answer 404 for a while after they were announced (observed), some stores answer 403 for
what is not there yet: both are waited for.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.transport.errors import origin_of
from airflow_provider_dreambooth.transport.retry import RetryPolicy

#: Most bytes of one picture: 1024 x 1024 as PNG stays below 4 MB.
LARGEST = 32 * 1024 * 1024
PATIENCE = RetryPolicy(tries=9, total=60.0, first_delay=1.0, longest_delay=10.0)
#: A picture may take this many times the connection's time-out, which is meant for short answers.
TIME_FACTOR = 4.0
#: Pictures that are fetched at the same time at the most.
AT_ONCE = 8
HEADERS = {"Accept": "image/*, */*;q=0.5"}
_NOT_YET = (403, 404, 408, 425, 429)


def picture_call(url: str) -> ApiCall[Any]:
    """
    Return what names a download in messages. It is not sent through a route.

    :raises DreamboothValidationError: the link is no web address.
    """
    parts = urlsplit(url)
    about = f"the picture {origin_of(url)}{parts.path}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DreamboothValidationError(f"{url[:200]!r} is no link that a picture can be fetched from.")
    return ApiCall(path=url, body={}, read=lambda document: document, about=about)


def fault_of(call: ApiCall[Any], status: int) -> DreamboothError | None:
    """Return the error that an HTTP code means for a picture, ``None`` when it is there."""
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


def too_large(call: ApiCall[Any], limit: int) -> DreamboothError:
    """Return the error for a picture beyond the limit in bytes."""
    return DreamboothValidationError(
        f"{_capital(call.about)} is larger than {limit / 1024 / 1024:g} MB and was not fetched. "
        "Check that the link leads to a picture."
    )


def announced_size(value: str | None) -> int:
    """Return the bytes that ``Content-Length`` announces, 0 when it does not say."""
    return int(value) if value is not None and value.isdecimal() else 0


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
