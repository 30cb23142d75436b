# SPDX-License-Identifier: Apache-2.0
"""Checking links before the service fetches them.

What the server itself says is believed: a missing page, or one that is no image, is an error. That this worker
cannot reach a server proves nothing about the service's own way there: it is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import IO
from urllib.parse import urlsplit

from airflow_provider_dreambooth.images.inspection import Facts, inspect
from airflow_provider_dreambooth.images.limits import LINKS_AT_ONCE, NotUsableError
from airflow_provider_dreambooth.transport.download import NotFetchedError

#: The server may say otherwise in a moment, or it was a proxy on the way that spoke.
_NO_VERDICT = frozenset({407, 408, 425, 429})
#: Names that are never of the public internet (RFC 6761, 6762 and 8375, and ``internal`` by ICANN).
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".home.arpa")


@dataclass(frozen=True)
class LinkCheck:
    """
    What a check of a link has shown.

    :param facts: about the image there, ``None`` unless it was seen.
    :param error: what is certainly wrong, as the rest of a sentence.
    :param warning: why nothing could be seen, as the rest of a sentence.
    """

    facts: Facts | None = None
    error: str | None = None
    warning: str | None = None


def check_links(
    links: Sequence[str], *, fetch: Callable[[str], IO[bytes]], allow_private: bool, behind_proxy: bool
) -> list[LinkCheck]:
    """
    Check links: several are fetched at a time, one is decoded at a time.

    :param links: the links.
    :param fetch: returns a file with what is behind one, or raises :class:`NotFetchedError`.
    :param allow_private: links may lead into private networks.
    :param behind_proxy: a "forbidden" may be the proxy's word and not the server's.
    """

    one_in_memory = Lock()

    def checked(link: str) -> LinkCheck:
        if not allow_private and _has_private_name(link):
            return LinkCheck(
                error="is an address of a private network, which the hosted service cannot reach"
            )
        try:
            with fetch(link) as file, one_in_memory:
                return LinkCheck(facts=inspect(file.read()))
        except NotUsableError as error:
            return LinkCheck(error=str(error))
        except NotFetchedError as error:
            return _not_fetched(error, behind_proxy=behind_proxy)

    if not links:
        return []
    with ThreadPoolExecutor(min(LINKS_AT_ONCE, len(links)), thread_name_prefix="dreambooth-links") as threads:
        return list(threads.map(checked, links))


def _not_fetched(error: NotFetchedError, *, behind_proxy: bool) -> LinkCheck:
    code = error.status
    if error.certain:
        return LinkCheck(error=f"cannot be used: it {error.reason}")
    if code is None:
        return LinkCheck(warning=error.reason)
    if code >= 500 or code in _NO_VERDICT or (code == 403 and behind_proxy):
        return LinkCheck(warning=f"could not be checked from this worker (HTTP {code})")
    return LinkCheck(error=f"leads to no image (HTTP {code})")


def _has_private_name(link: str) -> bool:
    host = (urlsplit(link).hostname or "").rstrip(".").lower()
    return host == "localhost" or host.endswith(_PRIVATE_NAMES)
