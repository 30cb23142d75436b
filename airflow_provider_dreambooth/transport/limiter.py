"""
Manners towards one account: how many requests at once, and when none at all.

When the service asks to slow down, everybody pauses until the time it named, then goes on with half as many
requests at a time; good answers open up again, one more at a time. A refusal that names no time is the
service's filter for repeated requests and concerns that one call; when a second call meets one too, it
concerns all. No I/O and no lock: :class:`~.gate.Gate` adds both.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

log = logging.getLogger(__name__)

#: Seconds that everybody pauses when the service names no time.
UNNAMED_PAUSE = 30.0
#: Longest pause in seconds, whatever the service names.
LONGEST_PAUSE = 600.0
#: Seconds between two steps of opening up again.
STEP = 10.0


class Limiter:
    """
    How many requests may be under way, and until when to pause.

    :param most: most requests at a time (``max_concurrent_requests``).
    :param name: the account's host, for the log.
    :param jitter: returns a number from 0 up to 1.
    """

    def __init__(
        self, most: int, name: str = "the service", jitter: Callable[[], float] = random.random
    ) -> None:
        self.most = most
        self.allowed = most
        self.under_way = 0
        self.paused_until = float("-inf")
        self.holds_back = False
        self._name = name
        self._jitter = jitter
        self._next_step = float("-inf")
        self._refused: tuple[str, float] | None = None

    def pause_left(self, now: float) -> float:
        """Return the seconds for which nobody may send, 0 when sending is allowed."""
        return max(0.0, self.paused_until - now)

    def enter(self, now: float) -> bool:
        """Take a place, if there is one now."""
        if self.under_way >= self.allowed or now < self.paused_until:
            return False
        self.under_way += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        self.under_way -= 1

    def refused(self, retry_after: float | None, subject: str, now: float) -> None:
        """
        Note a rate-limit answer.

        :param retry_after: seconds that the service named, ``None`` when it named none.
        :param subject: which call met it, such as its path.
        :param now: the time, in seconds of the gate's clock.
        """
        if retry_after is None:
            other, self._refused = self._refused, (subject, now)
            if other is None or other[0] == subject or now - other[1] > UNNAMED_PAUSE:
                return
        if now >= self.paused_until:
            # Once for a volley: the other requests of it were under way when the first refusal came.
            self.allowed = max(1, self.allowed // 2)
        pause = min(UNNAMED_PAUSE if retry_after is None else retry_after, LONGEST_PAUSE)
        self.paused_until = max(self.paused_until, now + pause + self._jitter() * max(1.0, 0.1 * pause))
        self._next_step = self.paused_until + STEP
        if not self.holds_back:
            self.holds_back = True
            log.warning(
                "%s asks to slow down (rate limit): all calls of this account wait %.0f s, then go on with "
                "%d at a time instead of %d until it has room again.",
                self._name,
                self.paused_until - now,
                self.allowed,
                self.most,
            )

    def accepted(self, now: float) -> None:
        """Note a good answer: time to open up a little, if the last step is long enough ago."""
        if not self.holds_back or now < self._next_step:
            return
        self.allowed = min(self.most, self.allowed + 1)
        self._next_step = now + STEP
        if self.allowed == self.most:
            self.holds_back = False
            self._refused = None
            log.info("%s has room again: up to %d calls of this account at a time.", self._name, self.most)
