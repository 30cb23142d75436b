# SPDX-License-Identifier: Apache-2.0
"""
Fetching what a link leads to: by GET, bounded in bytes and time, streamed to disk, without the key, and only from
addresses that are allowed. The address is checked at the moment of the connection and that one is connected to, for
every redirect again, so neither a second DNS answer nor another spelling leads elsewhere.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from airflow_provider_dreambooth.api.answer import printable
from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.api.link_text import bare_link, for_display
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.transport.address import AddressRule, ForbiddenAddressError, addresses_of
from airflow_provider_dreambooth.transport.errors import host_of, why_not_sent
from airflow_provider_dreambooth.transport.reply import Failure, Reply
from airflow_provider_dreambooth.transport.requests_client import RequestsClient
from airflow_provider_dreambooth.transport.retry import Retry, RetryPolicy
from airflow_provider_dreambooth.transport.route import REDIRECTS, USER_AGENT
from airflow_provider_dreambooth.transport.trust import SetupError, proxy_for

if TYPE_CHECKING:
    from airflow_provider_dreambooth.connection import ConnectionSettings

#: Most bytes of one result: a rendering of 1024 x 1024 as PNG stays below 4 MB.
LARGEST_RESULT = 32 * 1024 * 1024
#: Links of results answer 404 for a while after they were announced (observed), some stores answer 403 for what is not
#: there yet: both are waited for.
PATIENCE = RetryPolicy(tries=9, total=60.0, first_delay=1.0, longest_delay=10.0)
MOST_REDIRECTS = 5
#: A file may take this many times the connection's time-out, which is meant for short answers.
TIME_FACTOR = 4.0
#: Seconds before the second and last try of a link that is no result.
TRY_AGAIN_AFTER = 1.0
_HEADERS = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
_TRANSIENT = frozenset({407, 408, 425, 429})
_NOT_YET = frozenset({403, 404})


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


class Download:
    """
    Fetches links. Safe to share between threads.

    :param settings: the connection: time-out and CA bundle. Its key is not used.
    :param allow_private: links may lead into private networks.
    :param clock: seconds, never going back.
    :param sleep: waits that many seconds.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        allow_private: bool,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rule = AddressRule(allow_private)
        self._timeout = settings.timeout
        self._verify = settings.verify
        self._clock = clock
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

    def fetch_result(self, link: str, *, limit: int = LARGEST_RESULT) -> bytes:
        """
        Return what a link of the service leads to, waiting for one that does not work yet.

        :param link: as the service gave it.
        :param limit: most bytes to take.
        :raises DreamboothError: it cannot be fetched, is too large, or leads to a forbidden address.
        """
        if not _is_web_address(link):
            raise DreamboothValidationError(
                f"{for_display(link)[:200]!r} is no link that a file can be fetched from."
            )
        retry = Retry(PATIENCE, Repeat.FREELY, self._clock())
        while True:
            try:
                with self._follow(link, limit) as file:
                    return file.read()
            except NotFetchedError as caught:
                error = _error_about_result(link, caught)
            delay = retry.delay_after(error, self._clock())
            if delay is None:
                raise retry.conclude(error, self._clock())
            self._sleep(delay)

    def _follow(self, link: str, limit: int) -> IO[bytes]:
        client = RequestsClient(_HEADERS, 1, self._timeout, self._verify, self._addresses)
        file: IO[bytes] = tempfile.TemporaryFile(prefix="dreambooth-image-")  # noqa: SIM115 - the caller closes it
        try:
            for _ in range(MOST_REDIRECTS + 1):
                target = self._get(client, link, file, limit)
                file.seek(0)
                if target is None:
                    return file
                file.truncate()
                link = target
            raise NotFetchedError(f"is redirected more than {MOST_REDIRECTS} times", certain=True)
        except BaseException:
            file.close()
            raise
        finally:
            client.close()

    def _get(self, client: RequestsClient, link: str, file: IO[bytes], limit: int) -> str | None:
        """Write what is there to the file, or return where a redirect leads."""
        try:
            if proxy_for(link) is not None:
                # The proxy resolves the name itself and has rules of its own. What is known here already is checked here.
                with contextlib.suppress(OSError):
                    self._addresses(urlsplit(link).hostname or "", None)
            reply = client.get(link, file, timeout=self._timeout * TIME_FACTOR, limit=limit)
        except ForbiddenAddressError as error:
            reply = Reply(failure=Failure("forbidden", str(error)))
        except SetupError as error:
            reply = Reply(failure=Failure("setup", str(error)))
        if reply.failure is not None:
            raise _failed(link, reply, reply.failure, self._timeout)
        location = reply.headers.get("Location")
        if reply.status in REDIRECTS and location:
            return _redirected(link, location)
        if reply.status == 407:
            raise NotFetchedError(
                f"cannot be reached from this worker (the proxy {reply.proxy or 'on the way'} wants a user and a password: "
                "HTTP 407)",
                status=407,
            )
        if reply.status != 200:
            raise NotFetchedError(f"answers HTTP {reply.status}", status=reply.status)
        if reply.headers.get("Content-Encoding") and not reply.too_large:
            file.seek(0)
            reply.body = file.read()
            reply.decode(limit)
            file.seek(0)
            file.truncate()
            file.write(reply.body)
        if reply.too_large:
            raise NotFetchedError(f"has more than {limit / 1048576:.3g} MB", certain=True)
        return None

    def _addresses(self, host: str, port: int | None) -> Sequence[str]:
        addresses = addresses_of(host, port)
        self._rule.check(addresses)
        return addresses


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _redirected(link: str, location: str) -> str:
    with contextlib.suppress(ValueError):
        target = urljoin(link, location)
        if _is_web_address(target):
            return target
    raise NotFetchedError("is redirected to something that is no web address", certain=True)


def _failed(link: str, reply: Reply, failure: Failure, timeout: float) -> NotFetchedError:
    if failure.kind == "forbidden":
        return NotFetchedError(
            f"leads to {failure.detail}, which is not an address of the public internet", certain=True
        )
    if failure.kind == "timeout" and reply.sent:
        return NotFetchedError("is too slow")
    if failure.kind == "setup":
        what = failure.detail
    elif reply.sent:
        what = f"the connection to {host_of(link)} was cut"
    else:
        what = why_not_sent(failure, link, reply.proxy, timeout)[0]
    return NotFetchedError(f"cannot be reached from this worker ({what})")


def _error_about_result(link: str, error: NotFetchedError) -> DreamboothError:
    # Without its query, which can hold a signature.
    what = f"The file {printable(bare_link(link)[:300])} {error.reason}."
    if error.certain:
        return DreamboothValidationError(f"{what} It was not fetched. Check that the link leads to an image.")
    if error.status is None:
        return DreamboothTransientError(f"{what} This is usually temporary.")
    if error.is_transient or error.status in _NOT_YET:
        return DreamboothTransientError(
            f"{what} Links of the service work some seconds after they are announced and can end after 24 hours; if "
            "this stays, render again.",
            http_status=error.status,
        )
    return DreamboothNotFoundError(f"{what} The link may have ended: render again.", http_status=error.status)
