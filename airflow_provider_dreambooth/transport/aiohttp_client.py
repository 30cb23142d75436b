"""The aiohttp side of the asynchronous transport, imported in a thread with the first client: it is heavy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

import aiohttp
from yarl import URL

from airflow_provider_dreambooth.transport.picture import announced_size

_CHUNK = 64 * 1024
#: Seconds for which an unused connection is kept.
_KEEP_ALIVE = 60.0
#: Seconds for which a resolved name is believed.
_NAME_KEPT = 300
_MOST_URLS = 10_000


class AiohttpClient:
    """
    One session over one pool of connections. Must be made in the event loop it is used in.

    :param headers: sent with every POST.
    :param context: the TLS context.
    :param connections: most connections at a time.
    :param timeout: seconds for one POST.
    :param connect_share: share of it in which the connection must stand.
    :param proxy: proxy for POSTs, ``None`` for none.
    """

    #: All that a request can fail with.
    failures: tuple[type[BaseException], ...] = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
    #: Those of them that come before anything was sent.
    not_connected: tuple[type[BaseException], ...] = (
        aiohttp.ClientConnectorError,
        aiohttp.ClientConnectorCertificateError,
        aiohttp.ClientHttpProxyError,
        aiohttp.InvalidURL,
        # Newer than the oldest aiohttp we take.
        *((aiohttp.ConnectionTimeoutError,) if hasattr(aiohttp, "ConnectionTimeoutError") else ()),
    )

    def __init__(
        self,
        headers: Mapping[str, str],
        context: ssl.SSLContext,
        connections: int,
        timeout: float,
        connect_share: float,
        proxy: str | None,
    ) -> None:
        self._connect = timeout * connect_share
        self._timeout = timeout
        self._headers = dict(headers)
        self._proxy = proxy
        self._urls: dict[str, URL] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, ssl=context, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=_NAME_KEPT
            ),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=self._connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # a netrc entry would send a password; the proxy is passed
        )

    async def post(self, url: str, body: bytes) -> tuple[int, bytes, Mapping[str, str]]:
        """Send a POST and return code, body and headers of the answer. Redirects are not followed."""
        parsed = self._urls.get(url)
        if parsed is None:
            if len(self._urls) >= _MOST_URLS:
                self._urls.clear()
            parsed = self._urls[url] = URL(url, encoded=True)
        async with self._session.post(
            parsed, data=body, allow_redirects=False, proxy=self._proxy
        ) as response:
            return response.status, await response.read(), response.headers

    async def get(
        self, url: str, headers: Mapping[str, str], timeout: float, limit: int, proxy: str | None
    ) -> tuple[int, bytes | None]:
        """Return code and body of a GET; no body when it is beyond ``limit`` bytes or the code is not 200."""
        async with self._session.get(
            url,
            headers=headers,
            proxy=proxy,
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=self._connect, sock_read=self._timeout),
        ) as response:
            if response.status != 200 or announced_size(response.headers.get("Content-Length")) > limit:
                return response.status, None
            pieces: list[bytes] = []
            size = 0
            async for piece in response.content.iter_chunked(_CHUNK):
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    return response.status, None
            return response.status, b"".join(pieces)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
