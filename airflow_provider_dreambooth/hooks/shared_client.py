# SPDX-License-Identifier: Apache-2.0
"""The client of a connection that all waiting tasks in an event loop share.

The connection is read once for all of them and again every five minutes, or at once when the key is refused: a
renewed key reaches tasks that have been waiting for hours. While it cannot be read, such as in an outage of a
secrets backend, what was read before stays in use as long as the service takes its key.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections import defaultdict
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.exceptions import DreamboothAuthError, DreamboothError
from airflow_provider_dreambooth.hooks.stored_connection import aread_connection
from airflow_provider_dreambooth.transport.retry import ONCE, PATIENT

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.call import ApiCall
    from airflow_provider_dreambooth.connection import ConnectionSettings
    from airflow_provider_dreambooth.transport.asynchronous import AsyncTransport

Result = TypeVar("Result")
log = logging.getLogger(__name__)

#: Seconds for which a connection once read is taken for true.
READ_AGAIN_AFTER = 300.0
#: Seconds after a reading that failed in which nobody tries again who has an older one.
TRY_AGAIN_AFTER = 60.0


class _Reading:
    """One connection as last read in this event loop."""

    def __init__(self) -> None:
        self.settings: ConnectionSettings | None = None
        self.read_at = 0.0
        self.failure: DreamboothError | None = None
        self.failed_at = 0.0
        self.lock = asyncio.Lock()

    async def renew(self, conn_id: str) -> None:
        started = time.monotonic()
        try:
            self.settings = await aread_connection(conn_id)
        except DreamboothError as error:
            if self.settings is not None and self.failure is None:
                log.warning(
                    "%s Waiting tasks keep using the connection as last read, and it is read again every minute.",
                    error,
                )
            self.failure, self.failed_at = error, time.monotonic()
            return
        if self.failure is not None:
            log.info("Connection %r can be read again.", conn_id)
        self.failure, self.read_at = None, started


_readings: WeakKeyDictionary[asyncio.AbstractEventLoop, defaultdict[str, _Reading]] = WeakKeyDictionary()


def _reading_of(conn_id: str) -> _Reading:
    return _readings.setdefault(asyncio.get_running_loop(), defaultdict(_Reading))[conn_id]


async def read_settings(conn_id: str, *, newer_than: float, or_older: bool = False) -> ConnectionSettings:
    """
    Return the checked connection, read at most once for all who ask at the same time.

    :param conn_id: the connection.
    :param newer_than: ``time.monotonic()`` before which a reading is too old.
    :param or_older: take an older reading while the connection cannot be read.
    :raises DreamboothTransientError: it cannot be read.
    :raises DreamboothError: what was read cannot be used.
    """
    reading = _reading_of(conn_id)
    if reading.settings is not None and reading.read_at >= newer_than:
        return reading.settings
    # A failure is shared as well: a backend that answers nobody is asked once, not once a task.
    failed_after = time.monotonic()
    if or_older and reading.settings is not None:
        failed_after -= TRY_AGAIN_AFTER
    async with reading.lock:
        tried = reading.failure is not None and reading.failed_at >= failed_after
        if not tried and (reading.settings is None or reading.read_at < newer_than):
            await reading.renew(conn_id)
        if reading.settings is not None and (or_older or reading.read_at >= newer_than):
            return reading.settings
        assert reading.failure is not None
        raise copy.copy(reading.failure)


class SharedClient:
    """
    Sends calls over the shared client; ``async with SharedClient(conn_id) as client``.

    :param conn_id: the connection.
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._reading: _Reading | None = None
        self._settings: ConnectionSettings | None = None
        self._holder: AbstractAsyncContextManager[AsyncTransport] | None = None
        self._transport: AsyncTransport | None = None

    async def __aenter__(self) -> SharedClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def settings(self) -> ConnectionSettings:
        """Return the connection, read at most five minutes ago."""
        await self._refresh(time.monotonic() - READ_AGAIN_AFTER, or_older=True)
        assert self._settings is not None
        return self._settings

    async def environment(self) -> Environment:
        """Return the connection's environment."""
        return (await self.settings()).environment

    async def send(self, call: ApiCall[Result], *, patient: bool = False) -> Result:
        """
        Send a call. A refused key is tried once more if the connection holds another one by now.

        :param patient: repeat the call after a transient error. A waiting task polls again by its own schedule instead.
        :raises DreamboothError: as the transport does.
        """
        now = time.monotonic()
        newer_than = now - READ_AGAIN_AFTER
        reading = self._reading
        # What all waiting tasks share is mostly young, and what this one uses: no more is to be asked at most polls.
        if reading is None or reading.settings is not self._settings or reading.read_at < newer_than:
            await self._refresh(newer_than, or_older=True)
        assert self._transport is not None
        policy = PATIENT if patient else ONCE
        try:
            return await self._transport.send(call, policy=policy)
        except DreamboothAuthError:
            refused = self._settings
            # Nothing older: a connection that cannot be read must not make a refused key final.
            await self._refresh(now)
            if self._settings == refused:
                raise
        return await self._transport.send(call, policy=policy)

    async def _refresh(self, newer_than: float, *, or_older: bool = False) -> None:
        settings = await read_settings(self._conn_id, newer_than=newer_than, or_older=or_older)
        self._reading = _reading_of(self._conn_id)
        if settings == self._settings:
            self._settings = settings
            return
        from airflow_provider_dreambooth.transport.asynchronous import shared_transport

        holder = shared_transport(settings)
        transport = await holder.__aenter__()
        await self._leave()
        self._settings, self._holder, self._transport = settings, holder, transport

    async def _leave(self) -> None:
        holder, self._holder, self._transport, self._settings = self._holder, None, None, None
        if holder is not None:
            await holder.__aexit__(None, None, None)
