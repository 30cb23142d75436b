# SPDX-License-Identifier: Apache-2.0
"""
What an account may send in this process: so many requests at a time, and none while the service has paused it.

A full queue, or a time that the service names by a field or header, concerns the account: all its calls pause. The
filter for repeated requests concerns one call, which waits alone. First come, first served, threads and event loops
alike; nothing here waits by itself.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothRateLimitError
from airflow_provider_dreambooth.transport.per_process import PerProcess
from airflow_provider_dreambooth.transport.reply import LONGEST_RETRY_AFTER

log = logging.getLogger(__name__)

#: Seconds that the account pauses when the service names no time: that of its documented example.
UNNAMED_PAUSE = 30.0

#: A place that is promised: done when it may be used.
Turn = Future[None]


class RateLimit:
    """
    The limits of one account.

    :param most: most requests at a time.
    :param name: the account's host, for the log.
    :param clock: seconds, never going back.
    :param jitter: returns a number from 0 up to 1.
    """

    def __init__(
        self,
        most: int,
        name: str = "the service",
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.under_way = 0
        self._most = most
        self._name = name
        self._clock = clock
        self._jitter = jitter
        self._paused_until = float("-inf")
        self._queue: deque[Turn] = deque()
        self._lock = threading.Lock()

    def enter(self) -> Turn | None:
        """Take a place; where none is free, return the turn to wait for. Either way, :meth:`leave` or :meth:`drop` follows."""
        with self._lock:
            if self.under_way < self._most:
                self.under_way += 1
                return None
            turn = Turn()
            self._queue.append(turn)
            return turn

    def leave(self) -> None:
        """Give the place to the next who waits, or back."""
        with self._lock:
            while self._queue:
                turn = self._queue.popleft()
                if turn.set_running_or_notify_cancel():
                    turn.set_result(None)
                    return
            self.under_way -= 1

    def drop(self, turn: Turn) -> None:
        """Give up waiting, or the place if it was given in this moment."""
        if not turn.cancel():
            self.leave()

    def pause_left(self) -> float:
        """Return the seconds for which nobody may send, 0 when sending is allowed."""
        return max(0.0, self._paused_until - self._clock())

    def note(self, error: DreamboothRateLimitError) -> None:
        """Pause the account if an answer says that it has too much under way."""
        if not error.whole_account:
            return
        pause = min(UNNAMED_PAUSE if error.retry_after is None else error.retry_after, LONGEST_RETRY_AFTER)
        with self._lock:
            already = self._paused_until > self._clock()
            # Not all at the same moment after it.
            until = self._clock() + pause + self._jitter() * max(1.0, 0.1 * pause)
            self._paused_until = max(self._paused_until, until)
        if not already:
            log.warning(
                "%s rate limited this account: all its calls from this process wait %.0f s.",
                self._name,
                self.pause_left(),
            )


def _of_account(account: tuple[str, str, int]) -> RateLimit:
    base_url, _, most = account
    return RateLimit(most, base_url)


_limits: PerProcess[tuple[str, str, int], RateLimit] = PerProcess(_of_account)


def rate_limit_of(settings: ConnectionSettings) -> RateLimit:
    """
    Return the one limit of this process for the connection's account.

    :param settings: the connection; host, key and ``max_concurrent_requests`` make the account.
    """
    return _limits[settings.base_url, settings.api_key, settings.max_concurrent_requests]
