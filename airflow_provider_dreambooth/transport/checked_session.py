# SPDX-License-Identifier: Apache-2.0
"""A requests session that connects only where it may, and whose connections can be cut by a time limit."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError

#: Returns the addresses at which a host and port may be reached, or raises.
Resolve = Callable[[str, int], Sequence[str]]


class CheckedSession:
    """
    A session for one GET; ``with CheckedSession(resolve) as session``.

    :param resolve: asked for each connection, and one of its answers is connected to; ``None`` connects anywhere.
    """

    def __init__(self, resolve: Resolve | None) -> None:
        self.was_cut = False
        self._resolve = resolve
        self._connections: list[socket.socket] = []

    def __enter__(self) -> requests.Session:
        self._session = _Session()
        self._session.trust_env = False  # a netrc entry would send a password
        adapter = _Adapter(self)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
        for connection in self._connections:
            connection.close()

    def cut(self) -> None:
        """End the connections, also one on which a server sends a byte now and then; from any thread."""
        self.was_cut = True
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def connect(self, connection: Any, connect: Callable[[], socket.socket]) -> socket.socket:
        """
        Connect to an address that is allowed.

        :param connection: urllib3's connection; TLS still checks the certificate against its name.
        :param connect: urllib3's own way of connecting.
        """
        if self._resolve is None:
            return self._noted(connect())
        name = connection._dns_host
        try:
            addresses = self._resolve(name, connection.port)
        except socket.gaierror as error:
            raise NameResolutionError(connection.host, connection, error) from error
        try:
            for address in addresses[:-1]:
                connection._dns_host = address
                with contextlib.suppress(Exception):
                    return self._noted(connect())
            connection._dns_host = addresses[-1]
            return self._noted(connect())
        finally:
            connection._dns_host = name

    def _noted(self, connection: socket.socket) -> socket.socket:
        # A handle of its own: TLS takes the first one over.
        self._connections.append(connection.dup())
        return connection


class _Session(requests.Session):
    def get_redirect_target(self, response: requests.Response) -> None:
        """Look at no redirect: requests raises on a malformed one even when it is not to follow it."""


class _Adapter(HTTPAdapter):
    def __init__(self, checked: CheckedSession) -> None:
        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return checked.connect(self, super()._new_conn)

        class TlsConnection(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return checked.connect(self, super()._new_conn)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = TlsConnection

        self._pools = {"http": Pool, "https": TlsPool}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager
