# SPDX-License-Identifier: Apache-2.0
"""
Carries calls in an event loop, with aiohttp: for triggers.

All waiting tasks of a connection share one client (:func:`shared_transport`). Nothing here holds the loop:
the library is imported and the TLS context built in a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.transport.exchange import Done, Pause, Post, Step, Transport, next_step
from airflow_provider_dreambooth.transport.off_loop import off_loop
from airflow_provider_dreambooth.transport.rate_limit import Turn
from airflow_provider_dreambooth.transport.reply import LARGEST_ANSWER, Reply
from airflow_provider_dreambooth.transport.retry import RetryPolicy
from airflow_provider_dreambooth.transport.route import HEADERS

if TYPE_CHECKING:
    from airflow_provider_dreambooth.transport.aiohttp_client import AiohttpClient

Result = TypeVar("Result")


class AsyncTransport(Transport):
    """
    Sends calls over one client. Belongs to the event loop it is first used in.

    :param sleep: waits that many seconds.
    :param further: see :class:`~.exchange.Transport`.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **further: Any,
    ) -> None:
        super().__init__(settings, **further)
        self._sleep = sleep
        self._client: AiohttpClient | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """
        Make the client ready. :meth:`send` does so by itself.

        :raises DreamboothTransientError: the CA bundle cannot be read here.
        """
        if self._client is None:
            # Whoever waits for it goes on alone in a round of the loop: thousands together would hold it.
            async with self._opening:
                if self._client is None:
                    self._client = await _build(self.settings)

    async def close(self) -> None:
        """Close the client. The transport may be used again."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def send(self, call: ApiCall[Result], *, policy: RetryPolicy | None = None) -> Result:
        """Send a call and return its typed result. See :func:`~.exchange.conversation`."""
        with closing(self.conversation(call, policy)) as steps:
            step = next_step(steps, None)
            while not isinstance(step, Done):
                step = next_step(steps, await self._carry_out(step))
            return step.result

    async def _carry_out(self, step: Step) -> Reply | None:
        if isinstance(step, Post):
            if self._client is None:
                await self.open()
            client = self._client
            assert client is not None
            return await client.post(step.url, step.body, limit=LARGEST_ANSWER)
        if isinstance(step, Pause):
            await self._sleep(step.seconds)
        else:
            await _given(step)
        return None


async def _given(turn: Turn) -> None:
    """
    Wait for a turn as ``asyncio.wrap_future`` does, which wakes the loop through a socket each time.

    Mostly another call of the same loop gives the turn: the loop is awake then.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    thread = threading.get_ident()

    def resolve() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def given(_: Turn) -> None:
        if threading.get_ident() == thread:
            resolve()
        else:
            loop.call_soon_threadsafe(resolve)

    turn.add_done_callback(given)
    await waiter


async def _build(settings: ConnectionSettings) -> AiohttpClient:
    def prepare() -> Callable[[], AiohttpClient]:
        from airflow_provider_dreambooth.transport.aiohttp_client import AiohttpClient
        from airflow_provider_dreambooth.transport.trust import tls_context

        context = tls_context(settings.verify)
        return lambda: AiohttpClient(
            HEADERS, context, settings.max_concurrent_requests, settings.timeout, settings.verify
        )

    make = await off_loop(prepare)
    return make()


@dataclass
class _Shared:
    transport: AsyncTransport
    users: int = 0


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ConnectionSettings, _Shared]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_transport(settings: ConnectionSettings) -> AsyncIterator[AsyncTransport]:
    """
    Lend the one transport of a connection in this event loop.

    ``async with shared_transport(settings) as transport``: made by the first who comes, closed when the last
    one leaves. Other settings, or another loop, have their own.

    :param settings: the connection; equal settings share a transport.
    """
    of_loop = _shared.setdefault(asyncio.get_running_loop(), {})
    shared = of_loop.get(settings)
    if shared is None:
        shared = of_loop[settings] = _Shared(AsyncTransport(settings))
    shared.users += 1
    try:
        await shared.transport.open()
        yield shared.transport
    finally:
        shared.users -= 1
        if shared.users == 0:
            # Out of the table first: who comes while it closes gets a new one.
            if of_loop.get(settings) is shared:
                del of_loop[settings]
            await shared.transport.close()
