"""The client of a connection that all waiting tasks in an event loop share.

The connection is read once for all of them and again every five minutes, or at once when the key is refused: a
renewed key reaches tasks that have been waiting for hours.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.exceptions import DreamboothAuthError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.transport.retry import ONCE, PATIENT

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.call import ApiCall
    from airflow_provider_dreambooth.connection import ConnectionSettings
    from airflow_provider_dreambooth.transport.asynchronous import AsyncTransport, shared_transport

Result = TypeVar("Result")

#: Seconds for which a connection once read is taken for true.
READ_AGAIN_AFTER = 300.0


class _Reading:
    """One connection as last read in this event loop."""

    def __init__(self) -> None:
        self.settings: ConnectionSettings | None = None
        self.read_at = 0.0
        self.lock = asyncio.Lock()


_readings: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Reading]] = WeakKeyDictionary()


async def read_settings(conn_id: str, *, newer_than: float) -> ConnectionSettings:
    """
    Return the checked connection, read at most once for all who ask at the same time.

    :param conn_id: the connection.
    :param newer_than: ``time.monotonic()`` before which a reading is too old.
    """
    reading = _readings.setdefault(asyncio.get_running_loop(), {}).setdefault(conn_id, _Reading())
    if reading.settings is not None and reading.read_at >= newer_than:
        return reading.settings
    async with reading.lock:
        if reading.settings is None or reading.read_at < newer_than:
            started = time.monotonic()
            reading.settings = await DreamboothHook(conn_id).asettings()
            reading.read_at = started
        return reading.settings


class SharedClient:
    """
    Sends calls over the shared client; ``async with SharedClient(conn_id) as client``.

    :param conn_id: the connection.
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._settings: ConnectionSettings | None = None
        self._checked_at = 0.0
        self._holder: shared_transport | None = None
        self._transport: AsyncTransport | None = None

    async def __aenter__(self) -> SharedClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def environment(self) -> Environment:
        """Return the connection's environment."""
        await self._refresh(time.monotonic() - READ_AGAIN_AFTER)
        assert self._settings is not None
        return Environment(self._settings.environment)

    async def send(self, call: ApiCall[Result], *, patient: bool = False) -> Result:
        """
        Send a call. A refused key is tried once more if the connection holds another one by now.

        :param patient: repeat the call after a passing fault. A waiting task asks again by its own pace instead.
        :raises DreamboothError: as the transport does.
        """
        now = time.monotonic()
        if self._transport is None or now - self._checked_at > READ_AGAIN_AFTER:
            await self._refresh(now - READ_AGAIN_AFTER)
        assert self._transport is not None
        policy = PATIENT if patient else ONCE
        try:
            return await self._transport.send(call, policy=policy)
        except DreamboothAuthError:
            refused = self._settings
            await self._refresh(now)
            if self._settings == refused:
                raise
        return await self._transport.send(call, policy=policy)

    async def _refresh(self, newer_than: float) -> None:
        from airflow_provider_dreambooth.transport.asynchronous import shared_transport

        settings = await read_settings(self._conn_id, newer_than=newer_than)
        self._checked_at = time.monotonic()
        if settings == self._settings:
            return
        holder = shared_transport(settings)
        transport = await holder.__aenter__()
        await self._leave()
        self._settings, self._holder, self._transport = settings, holder, transport

    async def _leave(self) -> None:
        holder, self._holder, self._transport, self._settings = self._holder, None, None, None
        if holder is not None:
            await holder.__aexit__(None, None, None)
