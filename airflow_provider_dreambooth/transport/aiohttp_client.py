# SPDX-License-Identifier: Apache-2.0
"""The aiohttp side of the asynchronous transport, imported in a thread with the first client: it is heavy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
from yarl import URL

from airflow_provider_dreambooth.transport.errors import CONNECT_SHARE, failure_of
from airflow_provider_dreambooth.transport.reply import Body, Reply
from airflow_provider_dreambooth.transport.requests_client import RequestsClient
from airflow_provider_dreambooth.transport.trust import SetupError, proxy_for, shown_proxy

#: Seconds for which an unused connection is kept.
_KEEP_ALIVE = 60.0
#: Seconds for which a resolved name is believed.
_NAME_KEPT = 300
_MOST_URLS = 10_000
#: Bytes of one line of an answer's head, as on a worker: Python's own limit.
_LONGEST_HEADER = 65_536

_current: ContextVar[Reply | None] = ContextVar("_current", default=None)


class _ObservedRequest(aiohttp.ClientRequest):
    """Marks the moment before the first byte of a request goes out; what a proxy's tunnel needs is none of it."""

    def send(self, conn: Any) -> Any:
        reply = _current.get()
        if reply is not None:
            reply.sent = True
        return super().send(conn)


class AiohttpClient:
    """
    One session over one pool of connections. Must be made in the event loop it is used in.

    A SOCKS proxy, which aiohttp does not know, is used as a worker uses it: by requests, in a thread.

    :param headers: sent with every POST.
    :param context: the TLS context.
    :param connections: most connections at a time.
    :param timeout: seconds for one POST, from the first step to the last byte of the answer.
    :param verify: the connection's setting, for the thread.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        context: ssl.SSLContext,
        connections: int,
        timeout: float,
        verify: bool | str,
    ) -> None:
        self._ways: dict[str, tuple[URL, str | None]] = {}
        self._proxies: dict[tuple[str, str], str | None] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._in_thread = RequestsClient(headers, connections, timeout, verify)
        self._connections = connections
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, ssl=context, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=_NAME_KEPT
            ),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=timeout * CONNECT_SHARE),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # a netrc entry would send a password; the proxy is passed
            auto_decompress=False,  # the answer is decoded within a limit
            request_class=_ObservedRequest,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )

    async def post(self, url: str, body: Body, *, limit: int) -> Reply:
        """
        Send a POST; redirects are not followed.

        :param limit: most bytes of the answer to read.
        """
        reply, received = Reply(), bytearray()
        token = _current.set(reply)
        try:
            target, proxy = self._way_to(url)
            if proxy is not None:
                if proxy.startswith("socks"):
                    return await self._post_in_thread(url, body, limit)
                reply.proxy = shown_proxy(proxy)
            async with self._session.post(
                target,
                # A payload does not print what it holds, in none of the library's frames.
                data=aiohttp.BytesPayload(body.content, content_type="application/json"),
                allow_redirects=False,
                proxy=proxy,
            ) as response:
                reply.status, reply.headers = response.status, response.headers
                while piece := await response.content.readany():
                    received += piece
                    if len(received) > limit:
                        reply.too_large = True
                        break
        except Exception as caught:
            reply.failure = failure_of(caught)
        finally:
            _current.reset(token)
        reply.body = bytes(received)
        return reply

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        self._in_thread.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False)

    def _way_to(self, url: str) -> tuple[URL, str | None]:
        """Return a URL as aiohttp takes it and the proxy to it; found out once, as a task polls the same URL all along."""
        way = self._ways.get(url)
        if way is None:
            if len(self._ways) >= _MOST_URLS:
                self._ways.clear()
            try:
                target = URL(url, encoded=True)
            except ValueError as error:
                raise SetupError(
                    f"The address {url[:200]!r} cannot be used ({error}). Nothing was sent."
                ) from None
            origin = (target.scheme, target.raw_authority)
            if origin not in self._proxies:
                # Reading the environment takes longer than all else that a poll needs of us.
                self._proxies[origin] = proxy_for(url)
            way = self._ways[url] = target, self._proxies[origin]
        return way

    async def _post_in_thread(self, url: str, body: Body, limit: int) -> Reply:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._connections, thread_name_prefix="dreambooth-socks")
        work = partial(self._in_thread.post, url, body, limit=limit)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
