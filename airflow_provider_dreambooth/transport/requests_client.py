# SPDX-License-Identifier: Apache-2.0
"""The requests side of the blocking transport. Imported with the first call: it is heavy."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from http.client import HTTPResponse
from io import BytesIO
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NameResolutionError

from airflow_provider_dreambooth.transport.errors import CONNECT_SHARE, failure_of
from airflow_provider_dreambooth.transport.reply import Body, Failure, Reply
from airflow_provider_dreambooth.transport.trust import (
    SetupError,
    bundle_of,
    proxy_for,
    shown_proxy,
    tls_context,
)

#: Returns the addresses at which a host and port may be reached, or raises.
Resolve = Callable[[str, int], Sequence[str]]

_CHUNK = 64 * 1024
#: Seconds after the deadline at which the socket gives up by itself, if the watchdog did not end it.
_GRACE = 5.0


class _Progress:
    """How far the exchange of this thread has come, and the means to end it from another."""

    def __init__(self) -> None:
        self.sent = False
        self.expired = False
        self.socket: Any = None

    def expire(self) -> None:
        """End the exchange: whatever it waits for, headers or body, drip by drip, finds the end of the stream."""
        self.expired = True
        raw = self.socket
        while raw is not None and not isinstance(raw, socket.socket):
            raw = getattr(raw, "socket", None)  # TLS within the TLS of a proxy
        if raw is not None:
            try:
                # Not TLS's own shutdown, which would take the connection apart under the thread that reads from it.
                socket.socket.shutdown(raw, socket.SHUT_RDWR)
            except OSError:
                return  # closed already


_progress: ContextVar[_Progress | None] = ContextVar("_progress", default=None)


class _Response(HTTPResponse):
    """
    Finds the answer, which may be a paid one, where headers make it hard.

    What comes before it (102 "processing", 103 "early hints") is passed over; lengths that contradict each other are
    taken for none: the answer then ends with the connection.
    """

    def begin(self) -> None:
        super().begin()
        while 100 < self.status < 200:
            # The base class takes the status line that it has read for the answer's.
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        told = ",".join(self.headers.get_all("Content-Length", []))
        if len({length.strip() for length in told.split(",")}) > 1:
            del self.headers["Content-Length"]
            self.length, self.will_close = None, True


class _Observed:
    """
    Mixed into urllib3's connections: marks the moment in which the first byte of a request goes out, and connects only
    where it may.
    """

    response_class = _Response
    #: Asked for each connection, and one of its answers is connected to; ``None`` connects anywhere.
    resolve: Resolve | None = None
    host: str
    port: int
    sock: Any
    _dns_host: str
    _connecting = False

    def _new_conn(self) -> Any:
        made = self._connected()
        self._watch(made)
        return made

    def _connected(self) -> Any:
        connect: Callable[[], Any] = super()._new_conn  # type: ignore[misc]
        if self.resolve is None:
            return connect()
        name = self._dns_host
        try:
            *others, last = self.resolve(name, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        try:
            # TLS still checks the certificate against the host's name.
            for self._dns_host in others:
                with contextlib.suppress(Exception):
                    return connect()
            self._dns_host = last
            return connect()
        finally:
            self._dns_host = name

    def connect(self) -> None:
        # What a tunnel through a proxy needs is sent in here, and is no part of the request.
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        if not self._connecting:
            if self.sock is None:
                self.connect()
            progress = self._watch(self.sock)
            if progress is not None:
                progress.sent = True
        super().send(data)  # type: ignore[misc]

    def _watch(self, connection: Any) -> _Progress | None:
        progress = _progress.get()
        if progress is not None:
            progress.socket = connection
            if progress.expired:
                raise TimeoutError
        return progress


def _observed(pool: Any, resolve: Resolve | None) -> Any:
    if issubclass(pool.ConnectionCls, _Observed):
        return pool
    own = {"resolve": resolve and staticmethod(resolve)}
    connection = type(pool.ConnectionCls.__name__, (_Observed, pool.ConnectionCls), own)
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class _Adapter(HTTPAdapter):
    """Repeats nothing by itself: that is decided in :mod:`~.retry`. What a proxy connects to is the proxy's business."""

    def __init__(self, resolve: Resolve | None, connections: int) -> None:
        self._resolve = resolve
        super().__init__(pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._observe(self.poolmanager, self._resolve)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return self._observe(super().proxy_manager_for(*args, **kwargs), None)

    def _observe(self, manager: Any, resolve: Resolve | None) -> Any:
        pools = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: _observed(pool, resolve) for scheme, pool in pools}
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # Where to go is decided in the route; a malformed address must not take the answer with it.
        return None


class RequestsClient:
    """
    Pools of connections for one ``verify``. Safe to share between threads.

    :param headers: sent with every request.
    :param connections: most connections to keep.
    :param timeout: seconds for one POST, from the first step to the last byte of the answer; of a GET for each part.
    :param verify: the connection's setting.
    :param resolve: returns the addresses to connect to, or raises; ``None`` connects anywhere.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        connections: int,
        timeout: float,
        verify: bool | str,
        resolve: Resolve | None = None,
    ) -> None:
        self._headers = headers
        self._connections = connections
        self._timeout = timeout
        self._verify = verify
        self._resolve = resolve
        self._session = self._new_session()

    def post(self, url: str, body: Body, *, limit: int, fresh: bool = False) -> Reply:
        """
        Send a POST; redirects are not followed.

        :param limit: most bytes of the answer to read.
        :param fresh: over a connection of its own.
        """
        received = BytesIO()
        exchange = partial(self._exchange, "POST", url, body, received, self._timeout, limit)
        if fresh:
            with self._new_session() as session:
                reply = exchange(session)
        else:
            reply = exchange(self._session)
        reply.body = received.getvalue()
        return reply

    def get(self, url: str, file: IO[bytes], *, timeout: float, limit: int) -> Reply:
        """
        Send a GET; redirects are not followed, and what comes is not unpacked.

        :param file: what comes is written to it.
        :param timeout: seconds to the last byte.
        :param limit: most bytes to read.
        """
        return self._exchange("GET", url, None, file, timeout, limit, self._session)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _exchange(
        self,
        method: str,
        url: str,
        body: Body | None,
        received: IO[bytes],
        timeout: float,
        limit: int,
        session: requests.Session,
    ) -> Reply:
        reply, progress = Reply(), _Progress()
        token = _progress.set(progress)
        watchdog = threading.Timer(timeout, progress.expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            proxy = proxy_for(url)
            reply.proxy = proxy and shown_proxy(proxy)
            tls_context(self._verify)  # refuses a bundle that is gone, in the same words as in an event loop
            with session.request(
                method,
                url,
                # A file does not print what it holds, in none of the library's frames.
                data=None if body is None else BytesIO(body.content),
                stream=True,
                allow_redirects=False,
                timeout=(self._timeout * CONNECT_SHARE, self._timeout + _GRACE),
                verify=bundle_of(self._verify),
                proxies={} if proxy is None else {"http": proxy, "https": proxy},
            ) as response:
                reply.status, reply.headers = response.status_code, response.headers
                # As it comes: of an answer that is cut, what came before counts.
                while piece := response.raw.read1(_CHUNK, decode_content=False):
                    received.write(piece)
                    if received.tell() > limit:
                        reply.too_large = True
                        break
        except Exception as caught:
            reply.failure = Failure("timeout") if progress.expired else _failure_of(caught, reply.proxy)
        finally:
            watchdog.cancel()
            _progress.reset(token)
        if progress.expired and reply.failure is None:
            reply.failure = Failure("timeout")
        reply.sent = progress.sent
        return reply

    def _new_session(self) -> requests.Session:
        session = _Session()
        session.trust_env = False  # proxies and the CA bundle are passed; a netrc entry would send a password
        session.headers.update(self._headers)
        adapter = _Adapter(self._resolve, self._connections)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session


def _failure_of(caught: Exception, proxy: str | None) -> Failure:
    if (
        proxy is not None
        and proxy.startswith("socks")
        and isinstance(caught, requests.exceptions.InvalidSchema)
    ):
        caught = SetupError(
            f"The proxy {proxy} speaks SOCKS, for which this Python has no package. Install it: "
            "pip install 'requests[socks]'. Nothing was sent."
        )
    return failure_of(caught)
