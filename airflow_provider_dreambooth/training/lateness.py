"""
How late a look at a job would come, on average, when nobody knows exactly how long the job still takes.

Times of jobs are taken as log-normal: never negative, sometimes much longer than announced. A stretch that
has already lasted a while is conditioned on that: the longer it overruns, the less its end is expected now.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, log, sqrt

_ROOT_OF_TWO = sqrt(2.0)
#: Five equally likely values of a standard normal variable.
_FIFTHS = (-1.2816, -0.5244, 0.0, 0.5244, 1.2816)
_HALVINGS = 14


@dataclass(frozen=True)
class Stretch:
    """
    A stretch of time of uncertain length.

    :param seconds: its middle length: as often shorter as longer.
    :param spread: standard deviation of its logarithm; 0.7 is a factor of two either way.
    :param passed: seconds of it that are over.
    """

    seconds: float
    spread: float
    passed: float = 0.0

    def lateness(self, wait: float) -> float:
        """Return the mean seconds by which the end comes before ``wait`` is over (0 when it comes later)."""
        if wait <= 0.0:
            return 0.0
        passed = max(self.passed, 1e-3)
        middle = log(self.seconds)
        begin = (log(passed) - middle) / self.spread
        left = _upper(begin)
        if left < 1e-9:  # far beyond anything expected: the end may come at any moment
            return wait * wait / (2.0 * passed)
        end = (log(passed + wait) - middle) / self.spread
        mean = exp(middle + self.spread * self.spread / 2.0)
        whole = (wait + passed) * (left - _upper(end))
        part = mean * (_upper(begin - self.spread) - _upper(end - self.spread))
        return max(0.0, (whole - part) / left)

    def fifths(self) -> tuple[float, ...]:
        """Return five equally likely lengths."""
        return tuple(self.seconds * exp(self.spread * z) for z in _FIFTHS)


def wait_for(now: Stretch, later: Stretch | None, lateness: float, shortest: float, longest: float) -> float:
    """
    Return the seconds to wait so that a look comes ``lateness`` seconds late on average.

    A wait chosen so that each look adds the same mean lateness spends the fewest looks on a given mean delay
    (the classical inspection problem).

    :param now: the stretch under way.
    :param later: what must follow before the job is done, ``None`` for nothing.
    :param lateness: mean seconds that this look may come late.
    :param shortest: least seconds to wait.
    :param longest: most seconds to wait.
    """
    after = (0.0,) if later is None else later.fifths()
    allowed = lateness * len(after)

    def too_late(wait: float) -> bool:
        return sum(now.lateness(wait - seconds) for seconds in after if seconds < wait) > allowed

    if too_late(shortest):
        return shortest
    if not too_late(longest):
        return longest
    low, high = shortest, longest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if too_late(middle):
            high = middle
        else:
            low = middle
    return low


def _upper(z: float) -> float:
    """Return the probability that a standard normal variable exceeds ``z``."""
    return erfc(z / _ROOT_OF_TWO) / 2.0
