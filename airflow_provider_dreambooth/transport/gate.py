"""
The limiter at work: one gate for all calls of an account in a process, threads and event loops alike.

First come, first served. A pause is slept through by each caller; a full house is waited out in a queue.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothRateLimitError
from airflow_provider_dreambooth.transport.limiter import Limiter


class _Turn:
    """One caller in the queue. ``given`` is set under the gate's lock, together with the place itself."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self.wake = wake
        self.given = False


class Gate:
    """
    Lets calls through as the limiter allows.

    :param limiter: what decides.
    :param clock: seconds, never going back.
    """

    def __init__(self, limiter: Limiter, clock: Callable[[], float] = time.monotonic) -> None:
        self.limiter = limiter
        self.clock = clock
        self._lock = threading.Lock()
        self._queue: deque[_Turn] = deque()

    def try_enter(self) -> bool:
        """Take a place if there is one and nobody waits for it."""
        with self._lock:
            return not self._queue and self.limiter.enter(self.clock())

    def enter(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait for a place, in a thread."""
        while not self.try_enter():
            pause = self.limiter.pause_left(self.clock())
            if pause:
                sleep(pause)
                continue
            there = threading.Event()
            turn = self._queue_up(there.set)
            there.wait()
            if turn.given:
                return

    async def enter_async(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Wait for a place, in an event loop."""
        loop = asyncio.get_running_loop()
        while not self.try_enter():
            pause = self.limiter.pause_left(self.clock())
            if pause:
                await sleep(pause)
                continue
            there: asyncio.Future[None] = loop.create_future()
            turn = self._queue_up(lambda there=there: loop.call_soon_threadsafe(_resolve, there))  # type: ignore[misc]
            try:
                await there
            except asyncio.CancelledError:
                self._drop(turn)
                raise
            if turn.given:
                return

    def leave(self) -> None:
        """Give the place back and let the next one in."""
        with self._lock:
            self.limiter.leave()
            if self._queue:
                self._admit()

    def note(self, error: DreamboothError | None, subject: str) -> None:
        """
        Tell the limiter how a call ended.

        :param error: its error, ``None`` for a good answer.
        :param subject: which call it was, such as its path.
        """
        limiter = self.limiter
        if isinstance(error, DreamboothRateLimitError):
            with self._lock:
                limiter.refused(error.retry_after, subject, self.clock())
                self._release()
        elif limiter.holds_back:
            with self._lock:
                limiter.accepted(self.clock())
                self._admit()

    def _queue_up(self, wake: Callable[[], object]) -> _Turn:
        turn = _Turn(wake)
        with self._lock:
            self._queue.append(turn)
            # A place may have become free since it was asked for.
            self._admit()
        return turn

    def _drop(self, turn: _Turn) -> None:
        with self._lock:
            if turn.given:
                self.limiter.leave()
                self._admit()
            elif turn in self._queue:
                self._queue.remove(turn)

    def _admit(self) -> None:
        now = self.clock()
        if self.limiter.pause_left(now):
            self._release()
            return
        while self._queue and self.limiter.enter(now):
            turn = self._queue.popleft()
            turn.given = True
            try:
                turn.wake()
            except RuntimeError:  # its event loop is closed
                self.limiter.leave()

    def _release(self) -> None:
        """Send everybody out of the queue to sleep through the pause."""
        while self._queue:
            try:
                self._queue.popleft().wake()
            except RuntimeError:
                continue


def _resolve(there: asyncio.Future[None]) -> None:
    if not there.done():
        there.set_result(None)


_gates: dict[tuple[str, str, int], Gate] = {}
_gates_lock = threading.Lock()


def gate_of(settings: ConnectionSettings) -> Gate:
    """Return the one gate of this process for the connection's account."""
    account = (settings.base_url, settings.api_key, settings.max_concurrent_requests)
    with _gates_lock:
        gate = _gates.get(account)
        if gate is None:
            gate = _gates[account] = Gate(Limiter(settings.max_concurrent_requests, settings.base_url))
        return gate


def _forget_gates() -> None:
    # Airflow forks its task processes: a lock or a place taken in the parent would stay taken here for ever.
    global _gates_lock
    _gates_lock = threading.Lock()
    _gates.clear()


os.register_at_fork(after_in_child=_forget_gates)
