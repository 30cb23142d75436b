"""Carries calls in a thread, with requests: for workers. One transport a process and connection."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_dreambooth.api.answer import is_route_missing
from airflow_provider_dreambooth.api.call import Answer, ApiCall, Repeat
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.transport import errors as faults
from airflow_provider_dreambooth.transport import picture
from airflow_provider_dreambooth.transport.gate import Gate, gate_of
from airflow_provider_dreambooth.transport.retry import Retry, RetryPolicy, policy_for
from airflow_provider_dreambooth.transport.route import HEADERS, MOST_REDIRECTS, Route, answer_headers
from airflow_provider_dreambooth.transport.trust import bundle_of, proxy_for

if TYPE_CHECKING:
    import requests

Result = TypeVar("Result")

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024


class BlockingTransport:
    """
    Sends calls over one pool of connections. Safe to share between threads.

    :param settings: the connection.
    :param clock: seconds, never going back.
    :param sleep: waits that many seconds.
    :param gate: whom to share the account's limits with; by default all calls of the account in this process.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        gate: Gate | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._sleep = sleep
        self._gate = gate or gate_of(settings)
        self._route = Route(settings)
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def send(self, call: ApiCall[Result], *, policy: RetryPolicy | None = None) -> Result:
        """
        Send a call and return its typed result.

        :param call: what to ask.
        :param policy: how patient to be; by default a little for reads, and for a call that costs money only
            after failures which prove that nothing was accepted.
        :raises DreamboothError: what the service answered, or why there is no answer.
        """
        retry = Retry(policy or policy_for(call.repeat), call.repeat, self._clock())
        while True:
            try:
                return self._send_once(call)
            except DreamboothError as caught:
                error = caught
            delay = retry.delay_after(error, self._clock())
            if delay is None:
                raise retry.conclude(error, self._clock())
            log.debug("The call about %s is tried again in %.1f s: %s", call.about, delay, error)
            self._sleep(delay)

    def download(
        self, url: str, *, limit: int = picture.LARGEST, policy: RetryPolicy = picture.PATIENCE
    ) -> bytes:
        """
        Fetch a picture, without the key.

        :param url: its link.
        :param limit: most bytes to take.
        :param policy: how patient to be with a link that is not alive yet.
        :raises DreamboothError: it cannot be fetched, or is too large.
        """
        call = picture.picture_call(url)
        retry = Retry(policy, Repeat.FREELY, self._clock())
        while True:
            try:
                return self._fetch(call, limit)
            except DreamboothError as caught:
                error = caught
            delay = retry.delay_after(error, self._clock())
            if delay is None:
                raise retry.conclude(error, self._clock())
            self._sleep(delay)

    def close(self) -> None:
        """Close the connections. The transport may be used again."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _send_once(self, call: ApiCall[Result]) -> Result:
        url, body = self._route.url_of(call), self._route.body_of(call)
        for _ in range(MOST_REDIRECTS + 1):
            answer, location = self._post(call, url, body)
            target = self._route.redirected(call, url, answer.status, location)
            if target is None:
                break
            url = target
        else:
            raise self._route.too_many_redirects(call)
        if call.fallback is not None and is_route_missing(answer):
            return self._send_once(call.fallback)
        try:
            result = self._route.read(call, answer)
        except DreamboothError as error:
            self._gate.note(error, call.path)
            raise
        self._gate.note(None, call.path)
        return result

    def _post(self, call: ApiCall[Any], url: str, body: bytes) -> tuple[Answer, str | None]:
        self._gate.enter(self._sleep)
        started = time.perf_counter()
        try:
            # A kept connection may be dead, which shows only after the request went out: a call that costs
            # money gets a new one, so that a dead one cannot make a lost answer of it.
            if call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED:
                with self._new_session() as session:
                    answer, location = self._exchange(session, call, url, body)
            else:
                answer, location = self._exchange(self._shared_session(), call, url, body)
        finally:
            self._gate.leave()
        log.debug(
            "POST %s: HTTP %d in %.0f ms", call.path, answer.status, 1000 * (time.perf_counter() - started)
        )
        return answer, location

    def _exchange(
        self, session: requests.Session, call: ApiCall[Any], url: str, body: bytes
    ) -> tuple[Answer, str | None]:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        timeout = self.settings.timeout
        try:
            with session.post(
                url, data=body, stream=True, allow_redirects=False, **self._options(url)
            ) as response:
                content = _read(response, timeout, None)
                answer = Answer(response.status_code, content or b"", answer_headers(response.headers))
                return answer, response.headers.get("Location")
        except (RequestException, HTTPError, OSError) as caught:
            error = _error(call, url, caught, timeout)
        # Outside of the handler: the library's exception holds the request, and the request holds the key.
        raise error

    def _fetch(self, call: ApiCall[Any], limit: int) -> bytes:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        url, timeout = call.path, self.settings.timeout * picture.TIME_FACTOR
        content: bytes | None = None
        error: DreamboothError | None
        try:
            with self._shared_session().get(
                url, stream=True, headers={**picture.HEADERS, "Content-Type": None}, **self._options(url)
            ) as response:
                error = picture.fault_of(call, response.status_code)
                if error is None and picture.announced_size(response.headers.get("Content-Length")) <= limit:
                    content = _read(response, timeout, limit)
        except (RequestException, HTTPError, OSError) as caught:
            error = _error(call, url, caught, timeout)
        if error is not None:
            raise error
        if content is None:
            raise picture.too_large(call, limit)
        return content

    def _options(self, url: str) -> dict[str, Any]:
        proxy = proxy_for(url)
        timeout = self.settings.timeout
        return {
            "timeout": (timeout * faults.CONNECT_SHARE, timeout),
            "verify": bundle_of(self.settings.verify),
            "proxies": {} if proxy is None else {"http": proxy, "https": proxy},
        }

    def _shared_session(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = self._new_session()
            return self._session

    def _new_session(self) -> requests.Session:
        from airflow_provider_dreambooth.transport.requests_session import new_session

        # Pictures are fetched several at a time beside the account's own calls; urllib3 warns of what it cannot keep.
        return new_session(HEADERS, self.settings.max_concurrent_requests + picture.AT_ONCE)


def _read(response: requests.Response, timeout: float, limit: int | None) -> bytes | None:
    """Read a body within the time and the size; ``None`` when it is larger. A slow drip is a time-out too."""
    deadline = time.monotonic() + timeout
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_CHUNK):
        pieces.append(piece)
        size += len(piece)
        if limit is not None and size > limit:
            return None
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(pieces)


def _error(call: ApiCall[Any], url: str, cause: BaseException, timeout: float) -> DreamboothTransientError:
    from airflow_provider_dreambooth.transport.requests_session import failed_to_connect

    if failed_to_connect(cause):
        return faults.not_connected(call, url, cause, timeout)
    return faults.answer_lost(call, url, cause, timeout)


_shared: dict[ConnectionSettings, BlockingTransport] = {}
_shared_lock = threading.Lock()


def blocking_transport(settings: ConnectionSettings) -> BlockingTransport:
    """
    Return the one transport of this process for a connection.

    :param settings: the connection; equal settings share a transport.
    """
    with _shared_lock:
        transport = _shared.get(settings)
        if transport is None:
            transport = _shared[settings] = BlockingTransport(settings)
        return transport


def _forget_transports() -> None:
    # Airflow forks its task processes: two processes must not speak over one socket.
    global _shared_lock
    _shared_lock = threading.Lock()
    _shared.clear()


os.register_at_fork(after_in_child=_forget_transports)
