"""
Carries calls in an event loop, with aiohttp: for triggers.

All waiting tasks of a connection share one client (:func:`shared_transport`). Nothing here holds the loop:
the library is imported and the TLS context built in a thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_dreambooth.api.answer import is_route_missing
from airflow_provider_dreambooth.api.call import Answer, ApiCall, Repeat
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.transport import errors as faults
from airflow_provider_dreambooth.transport import picture
from airflow_provider_dreambooth.transport.gate import Gate, gate_of
from airflow_provider_dreambooth.transport.off_loop import off_loop
from airflow_provider_dreambooth.transport.retry import Retry, RetryPolicy, policy_for
from airflow_provider_dreambooth.transport.route import HEADERS, MOST_REDIRECTS, Route, answer_headers
from airflow_provider_dreambooth.transport.trust import proxy_for

if TYPE_CHECKING:
    from airflow_provider_dreambooth.transport.aiohttp_client import AiohttpClient

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class AsyncTransport:
    """
    Sends calls over one client. Belongs to the event loop it is first used in.

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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gate: Gate | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._sleep = sleep
        self._gate = gate or gate_of(settings)
        self._route = Route(settings)
        self._client: AiohttpClient | None = None
        self._opening: asyncio.Future[AiohttpClient] | None = None

    async def open(self) -> None:
        """
        Make the client ready. :meth:`send` does so by itself.

        :raises DreamboothValidationError: the connection's CA bundle cannot be read.
        """
        if self._client is None:
            if self._opening is None:
                self._opening = asyncio.ensure_future(_build(self.settings))
            opening = self._opening
            try:
                # Many tasks wait for it; one that is cancelled must not take it from the others.
                self._client = await asyncio.shield(opening)
            finally:
                if opening.done() and self._opening is opening:
                    self._opening = None

    async def close(self) -> None:
        """Close the client. The transport may be used again."""
        opening, self._opening = self._opening, None
        client, self._client = self._client, None
        if opening is not None and not opening.cancel() and not opening.cancelled():
            # Built for somebody who was cancelled before taking it.
            client = client or (None if opening.exception() else opening.result())
        if client is not None:
            await client.close()

    async def send(self, call: ApiCall[Result], *, policy: RetryPolicy | None = None) -> Result:
        """
        Send a call and return its typed result.

        :param call: what to ask.
        :param policy: how patient to be; by default a little for reads, and for a call that costs money only
            after failures which prove that nothing was accepted.
        :raises DreamboothError: what the service answered, or why there is no answer.
        """
        retry: Retry | None = None
        started = self._clock()
        while True:
            try:
                return await self._send_once(call)
            except DreamboothError as caught:
                error = caught
            retry = retry or Retry(policy or policy_for(call.repeat), call.repeat, started)
            delay = retry.delay_after(error, self._clock())
            if delay is None:
                raise retry.conclude(error, self._clock())
            log.debug("The call about %s is tried again in %.1f s: %s", call.about, delay, error)
            await self._sleep(delay)

    async def download(
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
                return await self._fetch(call, limit)
            except DreamboothError as caught:
                error = caught
            delay = retry.delay_after(error, self._clock())
            if delay is None:
                raise retry.conclude(error, self._clock())
            await self._sleep(delay)

    async def _send_once(self, call: ApiCall[Result]) -> Result:
        route = self._route
        url, body = route.url_of(call), route.body_of(call)
        for _ in range(MOST_REDIRECTS + 1):
            answer, location = await self._post(call, url, body)
            if location is None:
                break
            target = route.redirected(call, url, answer.status, location)
            if target is None:
                break
            url = target
        else:
            raise route.too_many_redirects(call)
        if call.fallback is not None and is_route_missing(answer):
            return await self._send_once(call.fallback)
        try:
            result = route.read(call, answer)
        except DreamboothError as error:
            self._gate.note(error, call.path)
            raise
        self._gate.note(None, call.path)
        return result

    async def _post(self, call: ApiCall[Any], url: str, body: bytes) -> tuple[Answer, str | None]:
        if self._client is None:
            await self.open()
        client = self._client
        assert client is not None
        if not self._gate.try_enter():
            await self._gate.enter_async(self._sleep)
        shown = log.isEnabledFor(logging.DEBUG)
        started = time.perf_counter() if shown else 0.0
        try:
            status, content, headers = await client.post(url, body)
        except client.failures as caught:
            error = self._error(call, url, caught, self.settings.timeout)
        else:
            if shown:
                log.debug(
                    "POST %s: HTTP %d in %.0f ms", call.path, status, 1000 * (time.perf_counter() - started)
                )
            return Answer(status, content, answer_headers(headers)), headers.get("Location")
        finally:
            self._gate.leave()
        # Outside of the handler: the library's exception holds the request, and the request holds the key.
        raise error

    async def _fetch(self, call: ApiCall[Any], limit: int) -> bytes:
        await self.open()
        client = self._client
        assert client is not None
        timeout = self.settings.timeout * picture.TIME_FACTOR
        content: bytes | None = None
        error: DreamboothError | None
        try:
            status, content = await client.get(
                call.path, picture.HEADERS, timeout, limit, proxy_for(call.path)
            )
            error = picture.fault_of(call, status)
        except client.failures as caught:
            error = self._error(call, call.path, caught, timeout)
        if error is not None:
            raise error
        if content is None:
            raise picture.too_large(call, limit)
        return content

    def _error(
        self, call: ApiCall[Any], url: str, cause: BaseException, timeout: float
    ) -> DreamboothTransientError:
        assert self._client is not None
        if isinstance(cause, self._client.not_connected):
            return faults.not_connected(call, url, cause, self.settings.timeout)
        return faults.answer_lost(call, url, cause, timeout)


async def _build(settings: ConnectionSettings) -> AiohttpClient:
    def prepare() -> Callable[[], AiohttpClient]:
        from airflow_provider_dreambooth.transport.aiohttp_client import AiohttpClient
        from airflow_provider_dreambooth.transport.trust import tls_context

        context = tls_context(settings.verify)
        proxy = proxy_for(settings.base_url)
        return lambda: AiohttpClient(
            HEADERS, context, settings.max_concurrent_requests, settings.timeout, faults.CONNECT_SHARE, proxy
        )

    make = await off_loop(prepare)
    return make()


class _Shared:
    def __init__(self, transport: AsyncTransport) -> None:
        self.transport = transport
        self.users = 0


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ConnectionSettings, _Shared]] = WeakKeyDictionary()


class shared_transport:  # noqa: N801 - reads as the function that it stands for
    """
    The one transport of a connection in this event loop.

    ``async with shared_transport(settings) as transport``: made by the first who comes, closed when the last
    one leaves. Other settings, or another loop, have their own.

    :param settings: the connection; equal settings share a transport.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._entered: list[tuple[dict[ConnectionSettings, _Shared], _Shared]] = []

    async def __aenter__(self) -> AsyncTransport:
        of_loop = _shared.setdefault(asyncio.get_running_loop(), {})
        shared = of_loop.get(self._settings)
        if shared is None:
            shared = of_loop[self._settings] = _Shared(AsyncTransport(self._settings))
        shared.users += 1
        self._entered.append((of_loop, shared))
        try:
            await shared.transport.open()
        except BaseException:
            await self._leave()
            raise
        return shared.transport

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        of_loop, shared = self._entered.pop()
        shared.users -= 1
        if shared.users == 0:
            # Out of the table first: who comes while it closes gets a new one.
            if of_loop.get(self._settings) is shared:
                del of_loop[self._settings]
            await shared.transport.close()
