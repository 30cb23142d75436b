"""Looking at links before the service does.

What the server itself says is believed: a missing page, or one that is no picture, is an error. That this worker
cannot reach a server proves nothing about the service's own way there: it is a warning.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.images.inspection import Facts, NotUsableError, inspect
from airflow_provider_dreambooth.transport.download import AT_ONCE

#: The server may say otherwise in a moment, or it was a proxy on the way that spoke.
_NO_VERDICT = frozenset({407, 408, 425, 429})


@dataclass(frozen=True)
class LinkCheck:
    """
    What a look at a link has shown.

    :param facts: about the picture there, ``None`` unless it was seen.
    :param error: what is certainly wrong, as the rest of a sentence.
    :param warning: why nothing could be seen, as the rest of a sentence.
    """

    facts: Facts | None = None
    error: str | None = None
    warning: str | None = None


def check_links(
    links: Sequence[str], *, download: Callable[[str], bytes], service_is_hosted: bool, behind_proxy: bool
) -> list[LinkCheck]:
    """
    Look at links, several at a time.

    :param links: the links.
    :param download: fetches one.
    :param service_is_hosted: the service is out in the internet and cannot reach this machine's own network.
    :param behind_proxy: a "forbidden" may be the proxy's word and not the server's.
    """

    def look(link: str) -> LinkCheck:
        if service_is_hosted and _is_private(link):
            return LinkCheck(
                error="is an address of a private network, which the hosted service cannot reach"
            )
        try:
            content = download(link)
        except DreamboothError as error:
            return _failed(error, behind_proxy=behind_proxy)
        try:
            return LinkCheck(facts=inspect(content))
        except NotUsableError as error:
            return LinkCheck(error=str(error))

    if not links:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(links)), thread_name_prefix="dreambooth-links") as threads:
        return list(threads.map(look, links))


def _failed(error: DreamboothError, *, behind_proxy: bool) -> LinkCheck:
    code = error.http_status
    if code is None:
        if isinstance(error, DreamboothTransientError):
            return LinkCheck(warning="cannot be reached from this worker")
        return LinkCheck(error=f"cannot be used: {error.message}")
    if code >= 500 or code in _NO_VERDICT or (code == 403 and behind_proxy):
        return LinkCheck(warning=f"could not be looked at from this worker (HTTP {code})")
    return LinkCheck(error=f"leads to no picture (HTTP {code})")


def _is_private(link: str) -> bool:
    host = (urlsplit(link).hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
