# SPDX-License-Identifier: Apache-2.0
"""The requests side of the blocking transport. Imported with the first call: it is heavy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from io import BytesIO
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from airflow_provider_dreambooth.transport.errors import CONNECT_SHARE, failure_of
from airflow_provider_dreambooth.transport.reply import Body, Failure, Reply
from airflow_provider_dreambooth.transport.trust import (
    SetupError,
    bundle_of,
    proxy_for,
    shown_proxy,
    tls_context,
)

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


class _Observed:
    """Mixed into urllib3's connections: marks the moment in which the first byte of a request goes out."""

    sock: Any
    _connecting = False

    def _new_conn(self) -> Any:
        made = super()._new_conn()  # type: ignore[misc]
        self._watch(made)
        return made

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


def _observed(pool: Any) -> Any:
    if issubclass(pool.ConnectionCls, _Observed):
        return pool
    connection = type(pool.ConnectionCls.__name__, (_Observed, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class _Adapter(HTTPAdapter):
    """Repeats nothing by itself: that is decided in :mod:`~.retry`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._observe(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return self._observe(super().proxy_manager_for(*args, **kwargs))

    def _observe(self, manager: Any) -> Any:
        pools = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {scheme: _observed(pool) for scheme, pool in pools}
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # Where to go is decided in the route; a malformed address must not take the answer with it.
        return None


class RequestsClient:
    """
    Pools of connections for one ``verify``. Safe to share between threads.

    :param headers: sent with every POST.
    :param connections: most connections to keep.
    :param timeout: seconds for one POST, from the first step to the last byte of the answer.
    :param verify: the connection's setting.
    """

    def __init__(
        self, headers: Mapping[str, str], connections: int, timeout: float, verify: bool | str
    ) -> None:
        self._headers = headers
        self._connections = connections
        self._timeout = timeout
        self._verify = verify
        self._session = self._new_session()

    def post(self, url: str, body: Body, *, limit: int, fresh: bool = False) -> Reply:
        """
        Send a POST; redirects are not followed.

        :param limit: most bytes of the answer to read.
        :param fresh: over a connection of its own.
        """
        if not fresh:
            return self._exchange(self._session, "POST", url, body, {}, self._timeout, limit)
        with self._new_session() as session:
            return self._exchange(session, "POST", url, body, {}, self._timeout, limit)

    def get(self, url: str, headers: Mapping[str, str | None], *, timeout: float, limit: int) -> Reply:
        """Send a GET; redirects are not followed. See :meth:`post`."""
        return self._exchange(self._session, "GET", url, None, headers, timeout, limit)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _exchange(
        self,
        session: requests.Session,
        method: str,
        url: str,
        body: Body | None,
        headers: Mapping[str, Any],
        timeout: float,
        limit: int,
    ) -> Reply:
        reply, progress, received = Reply(), _Progress(), bytearray()
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
                headers=dict(headers),
                stream=True,
                allow_redirects=False,
                timeout=(self._timeout * CONNECT_SHARE, timeout + _GRACE),
                verify=bundle_of(self._verify),
                proxies={} if proxy is None else {"http": proxy, "https": proxy},
            ) as response:
                reply.status, reply.headers = response.status_code, response.headers
                for piece in response.raw.stream(_CHUNK, decode_content=False):
                    received += piece
                    if len(received) > limit:
                        reply.too_large = True
                        break
        except Exception as caught:
            reply.failure = Failure("timeout") if progress.expired else _failure_of(caught, reply.proxy)
        finally:
            watchdog.cancel()
            _progress.reset(token)
        if progress.expired and reply.failure is None:
            reply.failure = Failure("timeout")
        reply.sent, reply.body = progress.sent, bytes(received)
        return reply

    def _new_session(self) -> requests.Session:
        session = _Session()
        session.trust_env = False  # proxies and the CA bundle are passed; a netrc entry would send a password
        session.headers.update(self._headers)
        adapter = _Adapter(pool_maxsize=self._connections, max_retries=0)
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
