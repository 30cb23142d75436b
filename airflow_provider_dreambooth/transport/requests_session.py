"""A requests session that knows whether a request went out. Imported with the first call: it is heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_MARK = "_dreambooth_not_connected"


class _MarkedConnection(HTTPConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except Exception as error:
            setattr(error, _MARK, True)
            raise


class _MarkedTlsConnection(HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except Exception as error:
            setattr(error, _MARK, True)
            raise


class _Pool(HTTPConnectionPool):
    ConnectionCls = _MarkedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _MarkedTlsConnection


class _Adapter(HTTPAdapter):
    """Repeats nothing by itself: that is decided in :mod:`~.retry`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager


def new_session(headers: Mapping[str, str], connections: int) -> requests.Session:
    """
    Return a session without cookies, netrc or repeats of its own.

    :param headers: sent with every request.
    :param connections: most connections to keep.
    """
    session = requests.Session()
    session.trust_env = False  # proxies and the CA bundle are passed; a netrc entry would send a password
    session.headers.update(headers)
    adapter = _Adapter(pool_maxsize=connections, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def failed_to_connect(cause: BaseException) -> bool:
    """Whether an exception of the session came before anything was sent."""
    seen: set[int] = set()
    waiting: list[Any] = [cause]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, BaseException) or id(part) in seen:
            continue
        if getattr(part, _MARK, False):
            return True
        seen.add(id(part))
        waiting += [part.__cause__, part.__context__, getattr(part, "reason", None), *part.args]
    return False
