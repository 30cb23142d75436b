# SPDX-License-Identifier: Apache-2.0
"""
Whether and when to repeat a call after an error. A decision fed with errors and a clock; no I/O.

A read is repeated after any transient error. A call that costs money is repeated only after a failure which
proves that nothing was accepted. Tries are few and their time is bounded: beyond that, whoever called waits
visibly (the trigger until its next poll, the operator by Airflow's retry).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothRateLimitError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.transport.reply import LONGEST_RETRY_AFTER

#: The service refuses the same request within this time and then names no other.
DUPLICATE_FILTER = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """
    How patient one call is.

    :param tries: most requests sent, the first included.
    :param total: seconds after the first try in which another may still begin.
    :param first_delay: seconds before the second try; doubled for each one after it.
    :param longest_delay: most seconds between two tries, unless the service asks for more.
    """

    tries: int = 4
    total: float = 75.0
    first_delay: float = 1.0
    longest_delay: float = 15.0


#: Enough for a transient error and one meeting with the 30 s filter.
PATIENT = RetryPolicy()
#: For a caller that does its own waiting, such as a trigger.
ONCE = RetryPolicy(tries=1, total=5.0)
#: For calls that cost money: a rate limit is waited for by the operator, which can say so.
PAID = RetryPolicy(tries=3, total=10.0)


class Retry:
    """
    The repeats of one call.

    :param policy: how patient it is.
    :param repeat: what the call allows.
    :param started: when its first try began, in seconds of any clock.
    :param jitter: returns a number from 0 up to 1.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        repeat: Repeat,
        started: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy
        self.repeat = repeat
        self.started = started
        self.tries = 0
        self._jitter = jitter

    def delay_after(self, error: DreamboothError, now: float) -> float | None:
        """
        Return the seconds to wait before the next try, ``None`` to give up and raise the error.

        :param error: how the latest try ended.
        :param now: the time on the same clock as ``started``.
        """
        self.tries += 1
        if self.tries >= self.policy.tries or not self._may_repeat(error):
            return None
        delay = self._delay(error)
        return delay if self.has_time_for(delay, now) else None

    def has_time_for(self, delay: float, now: float) -> bool:
        """Whether another try may still begin after so many seconds."""
        return now + delay - self.started <= self.policy.total

    def conclude(self, error: DreamboothError, now: float) -> DreamboothError:
        """Add to the final error how often it was tried, and return it."""
        if self.tries > 1:
            error.message += f" Tried {self.tries} times in {now - self.started:.0f} s."
            error.args = (error.message, *error.args[1:])
        return error

    def _may_repeat(self, error: DreamboothError) -> bool:
        if not isinstance(error, (DreamboothTransientError, DreamboothRateLimitError)):
            return False
        return self.repeat is Repeat.FREELY or error.acceptance is Acceptance.NO

    def _delay(self, error: DreamboothError) -> float:
        asked = getattr(error, "retry_after", None)
        if asked is None and isinstance(error, DreamboothRateLimitError):
            asked = DUPLICATE_FILTER
        if asked is not None:
            # Never before the time named, and not all at the same moment after it.
            named = min(float(asked), LONGEST_RETRY_AFTER)
            return named + self._jitter() * max(1.0, 0.1 * named)
        ceiling = min(self.policy.first_delay * 2.0 ** (self.tries - 1), self.policy.longest_delay)
        return float(ceiling * (0.5 + 0.5 * self._jitter()))


def policy_for(repeat: Repeat) -> RetryPolicy:
    """Return how patient a call is unless its caller says otherwise."""
    return PATIENT if repeat is Repeat.FREELY else PAID
