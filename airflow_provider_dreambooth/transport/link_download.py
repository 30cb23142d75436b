# SPDX-License-Identifier: Apache-2.0
"""
Fetching what a link of somebody else leads to: bounded in bytes and time, streamed to disk, without the key, and only
from addresses that are allowed. The address is checked at the moment of the connection and that one is connected to,
for every redirect again, so neither a second DNS answer nor another spelling leads elsewhere.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from airflow_provider_dreambooth.transport.address import AddressRule, ForbiddenAddressError, addresses_of
from airflow_provider_dreambooth.transport.checked_session import CheckedSession
from airflow_provider_dreambooth.transport.trust import bundle_of, proxy_for

if TYPE_CHECKING:
    from airflow_provider_dreambooth.connection import ConnectionSettings

MOST_REDIRECTS = 5
#: A file may take this many times the connection's time-out, which is meant for short answers.
TIME_FACTOR = 4.0
#: Seconds before the second and last try.
TRY_AGAIN_AFTER = 1.0
_CHUNK = 64 * 1024
_HEADERS = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRANSIENT = frozenset({408, 425, 429})


class NotFetchedError(Exception):
    """
    A link could not be fetched. Names no link: whoever asked knows it.

    :param reason: what happened, as the rest of a sentence.
    :param status: the HTTP code, when a server answered with one.
    :param certain: it would be the same for everybody and at any time.
    """

    def __init__(self, reason: str, *, status: int | None = None, certain: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.certain = certain

    @property
    def is_transient(self) -> bool:
        """Whether a second try may end otherwise."""
        if self.certain:
            return False
        return self.status is None or self.status >= 500 or self.status in _TRANSIENT


class LinkDownload:
    """
    Fetches links. Safe to share between threads.

    :param settings: the connection: time-out and CA bundle. Its key is not used.
    :param allow_private: links may lead into private networks.
    :param sleep: waits that many seconds.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        allow_private: bool,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rule = AddressRule(allow_private)
        self._timeout = settings.timeout
        self._verify = settings.verify
        self._sleep = sleep

    def fetch(self, link: str, *, limit: int) -> IO[bytes]:
        """
        Return a temporary file with what is behind a link, rewound; the caller closes it.

        :param link: an http(s) link.
        :param limit: most bytes to take.
        :raises NotFetchedError: it is not there, too large, too slow, or leads to a forbidden address.
        """
        try:
            return self._follow(link, limit)
        except NotFetchedError as error:
            if not error.is_transient:
                raise
        self._sleep(TRY_AGAIN_AFTER)
        return self._follow(link, limit)

    def _follow(self, link: str, limit: int) -> IO[bytes]:
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._get(link, limit)
            if not isinstance(answer, str):
                return answer
            try:
                link = urljoin(link, answer)
                parts = urlsplit(link)
                followable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            except ValueError:
                followable = False
            if not followable:
                raise NotFetchedError("is redirected to something that is no web address", certain=True)
        raise NotFetchedError(f"is redirected more than {MOST_REDIRECTS} times", certain=True)

    def _get(self, link: str, limit: int) -> IO[bytes] | str:
        """Return the file, or where a redirect leads."""
        proxy = proxy_for(link)
        if proxy is not None:
            # It resolves the name itself and has rules of its own. What is known here already is checked here.
            with contextlib.suppress(OSError):
                self._addresses(urlsplit(link).hostname or "", None)
        checked = CheckedSession(self._addresses if proxy is None else None)
        timer = threading.Timer(self._timeout * TIME_FACTOR, checked.cut)
        timer.daemon = True
        timer.start()
        try:
            with (
                checked as session,
                session.get(
                    link,
                    stream=True,
                    allow_redirects=False,
                    headers=_HEADERS,
                    timeout=self._timeout,
                    verify=bundle_of(self._verify),
                    proxies={"http": proxy, "https": proxy} if proxy else {},
                ) as response,
            ):
                location = response.headers.get("Location")
                if response.status_code in _REDIRECTS and location:
                    return str(location)
                if response.status_code != 200:
                    raise NotFetchedError(f"answers HTTP {response.status_code}", status=response.status_code)
                file = _saved(response, limit)
                if not checked.was_cut:
                    return file
                file.close()
        except (requests.RequestException, HTTPError, OSError, ValueError):
            # Their own texts quote the link, with its query.
            pass
        finally:
            timer.cancel()
        # Outside of the handler: the library's exception holds the link, too.
        raise NotFetchedError("is too slow" if checked.was_cut else "cannot be reached from this worker")

    def _addresses(self, host: str, port: int | None) -> Sequence[str]:
        addresses = addresses_of(host, port)
        try:
            self._rule.check(addresses)
        except ForbiddenAddressError as error:
            raise NotFetchedError(
                f"leads to {error}, which is not an address of the public internet", certain=True
            ) from None
        return addresses


def _saved(response: requests.Response, limit: int) -> IO[bytes]:
    file: IO[bytes] = tempfile.TemporaryFile(prefix="dreambooth-image-")  # noqa: SIM115 - the caller closes it
    try:
        size = 0
        # Not unpacked: what was not asked for packed is no image, and could be a thousand times as large.
        for piece in response.raw.stream(_CHUNK, decode_content=False):
            size += len(piece)
            if size > limit:
                raise NotFetchedError(f"has more than {limit // 1048576} MB", certain=True)
            file.write(piece)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file
