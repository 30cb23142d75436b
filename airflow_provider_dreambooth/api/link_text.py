# SPDX-License-Identifier: Apache-2.0
"""How a link is shown: without what may be a secret in it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

#: Most characters of a link. Presigned ones have up to two thousand.
LONGEST_LINK = 4096
_AUTHORITY = re.compile(r"^([a-z][a-z0-9+.-]*://)([^/]*@)?", re.IGNORECASE)


def is_web_link(text: str) -> bool:
    """Whether a text is meant as an http(s) link, well formed or not."""
    return text.lower().startswith(("http://", "https://"))


def service_link(value: Any) -> str | None:
    """
    Return a link of the service as it may be fetched and made a button, ``None`` for whatever is none.

    :param value: what stands where a link belongs.
    """
    if not isinstance(value, str):
        return None
    link = value.strip()
    if len(link) > LONGEST_LINK or not is_web_link(link) or not link.isprintable() or " " in link:
        return None
    try:
        return link if urlsplit(link).hostname else None
    except ValueError:
        return None


def bare_link(link: str) -> str:
    """
    Return a link without what may be a secret in it: its query (a presigned link's signature), fragment and
    ``user:password@``. Any other text is returned as it is, so a file may have a ``?`` in its name.

    :param link: a link, also one that is not well formed.
    """
    if not is_web_link(link):
        return link
    return _AUTHORITY.sub(r"\1", re.split(r"[?#]", link, maxsplit=1)[0])


def for_display(link: str) -> str:
    """
    Return a link as logs and errors show it: the bare link, and ``?…`` where there was a query.

    :param link: a link, also one that is not well formed.
    """
    return bare_link(link) + ("?…" if is_web_link(link) and "?" in link else "")


def holds_secret(link: str) -> bool:
    """Whether :func:`bare_link` leaves something out."""
    return bare_link(link) != link
