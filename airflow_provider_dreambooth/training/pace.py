"""
When to ask next how a job stands.

A fixed interval is kept exactly. Without one, the pace follows what the service says: the stage, the time
left that it announces, how long the stage has lasted, and how far its earlier announcements could be trusted.
Each look may come the same few seconds late on average, so looks are rare while much is left to do and frequent
near the end. Plain values and a clock; ``docs/decisions`` tells how the figures were found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import exp, log
from typing import Any

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.training.lateness import Stretch, wait_for

#: The service refuses the same request within 30 seconds.
SHORTEST = 30.0
#: Longest wait in seconds: a stage that is never seen teaches nothing about the next.
LONGEST = 340.0
#: Mean seconds that one look may come late.
LATENESS = 1.9
#: Seconds after which they become fewer, in proportion, down to the share below: a third of the looks of a fixed
#: interval are more looks, the longer a training lasts, while a model is not to be noticed later for that.
LONG = 2400.0
LEAST_LATENESS = 0.5
#: A wait is lengthened or shortened by up to this share, so that tasks started together spread out.
JITTER = 0.1
#: Spread of one stage's length, and of all the service's announcements together (see Stretch.spread).
STAGE_SPREAD = 0.9
TRUST_SPREAD = 1.0
#: How far an announcement is drawn towards the documented figure, and at what distance (natural logarithm) it is
#: believed alone: then the training is of another kind than the documented one.
DOCUMENTED_SHARE = 0.75
DOCUMENTED_REACH = 1.5
_LONGEST_AFTER_FAULT = 240.0

#: Seconds left when a stage begins, as documented; those of stages that announce nothing lie between their
#: neighbours' (deploying_gpu, compressing, deploying_model).
_LEFT: dict[str, float] = {
    "deploying_gpu": 1980.0,
    "training_started": 1800.0,
    "training_success": 900.0,
    "trained_model_compressing": 750.0,
    "trained_model_uploading": 600.0,
    "trained_model_uploaded": 300.0,
    "deploying_model": 150.0,
}
#: A stage that no list has is taken for the longest one.
_LIKE_UNKNOWN = "training_started"
_STAGES = tuple(_LEFT)


class Pace:
    """
    When to ask next how a training stands.

    :param poll_interval: fixed seconds between looks, ``None`` to follow the service.
    :param jitter: returns a number from 0 up to 1.
    :param state: what :meth:`state` returned earlier, to go on from there.
    """

    def __init__(
        self,
        poll_interval: float | None = None,
        *,
        jitter: Callable[[], float] = random.random,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.poll_interval = poll_interval
        self._jitter = jitter
        known = state or {}
        self._faults = int(known.get("faults", 0))
        self._stage: str | None = known.get("stage")
        self._announced: list[Any] | None = known.get("announced")
        #: When the stage began, as far as looks can tell, and how many seconds that is uncertain.
        self._began = float(known.get("began", 0.0))
        self._unsure = float(known.get("unsure", 0.0))
        self._looked = float(known.get("looked", 0.0))
        #: When the first look was.
        self._first = float(known.get("first", self._began))
        #: Seconds announced for this stage and for those after it, counted from its begin.
        self._own = float(known.get("own", 0.0))
        self._later = float(known.get("later", 0.0))
        #: Logarithm of how much longer things take than announced, and how many looks' worth that is known.
        self._factor = float(known.get("factor", 0.0))
        self._weight = float(known.get("weight", 1.0 / TRUST_SPREAD**2))

    def state(self) -> dict[str, Any]:
        """Return all that a later pace needs to go on; JSON values."""
        if self.poll_interval is not None or self._stage is None:
            return {"faults": self._faults} if self._faults else {}
        return {
            "faults": self._faults,
            "stage": self._stage,
            "announced": self._announced,
            "began": self._began,
            "unsure": self._unsure,
            "looked": self._looked,
            "first": self._first,
            "own": round(self._own, 3),
            "later": round(self._later, 3),
            "factor": round(self._factor, 6),
            "weight": round(self._weight, 6),
        }

    def next_delay(self, status: FineTuneStatus, now: float) -> float:
        """
        Return the seconds to wait after an answer.

        :param status: the answer.
        :param now: epoch seconds.
        """
        self._faults = 0
        if self.poll_interval is not None:
            return self.poll_interval
        self._learn(status, now)
        return max(SHORTEST, self._wait(now) * (1.0 - JITTER + 2.0 * JITTER * self._jitter()))

    def after_fault(self, error: DreamboothError, now: float) -> float:
        """
        Return the seconds to wait after a look that failed.

        :param error: how it failed; the seconds that the service names are kept.
        :param now: epoch seconds.
        """
        self._faults += 1
        return _back_off(
            self.poll_interval, SHORTEST, _LONGEST_AFTER_FAULT, self._faults, error, self._jitter()
        )

    def _learn(self, status: FineTuneStatus, now: float) -> None:
        progress = status.progress
        announced = [progress.step, progress.eta, len(progress.lines)]
        eta = progress.eta if progress.eta is not None and progress.eta > 0.0 else None
        fresh = eta is not None and announced != self._announced
        stage = status.stage if status.stage in _LEFT else (self._stage or _LIKE_UNKNOWN)
        if stage != self._stage:
            self._enter(stage, eta if fresh else None, now)
        elif fresh and eta is not None:
            # A new announcement within a stage: what comes after the stage stays as it was.
            self._later = min(self._later, 0.9 * eta)
            self._own = eta - self._later
            self._began, self._unsure = now, 0.0
        self._announced = announced
        self._looked = now

    def _enter(self, stage: str, eta: float | None, now: float) -> None:
        looked = self._looked if self._stage is not None else now
        began, unsure = (looked + now) / 2.0, now - looked
        left: float | None = None
        if self._stage is None:
            self._first = now
        else:
            share = min(1.0, _LEFT[stage] / _LEFT[self._stage])
            before = self._own + self._later
            self._compare(before * (1.0 - share), began - self._began, unsure + self._unsure)
            left = before * share
        if eta is not None:
            left = _tempered(eta, _LEFT[stage])
        left = max(1.0, _LEFT[stage] if left is None else left)
        following = _STAGES.index(stage) + 1
        share = _LEFT[_STAGES[following]] / _LEFT[stage] if following < len(_STAGES) else 0.0
        self._stage, self._began, self._unsure = stage, began, unsure
        self._own, self._later = left * (1.0 - share), left * share

    def _compare(self, announced: float, took: float, unsure: float) -> None:
        """Learn from a stage that is over how far announcements can be trusted."""
        if announced < 60.0 or took <= 0.0:
            return
        took = max(took, 15.0)
        weight = 1.0 / (STAGE_SPREAD**2 + (unsure / max(took, 30.0)) ** 2 / 12.0)
        ratio = log(took / announced)
        self._factor = (self._factor * self._weight + ratio * weight) / (self._weight + weight)
        self._weight += weight

    def _wait(self, now: float) -> float:
        doubt = 1.0 / self._weight
        passed = max(0.0, now - self._began)
        spread = (STAGE_SPREAD**2 + doubt) ** 0.5
        under_way = Stretch(max(1.0, self._own) * exp(self._factor), spread, passed)
        later = None
        if self._later > 0.0:
            # A stage that overruns says that the ones after it will take longer, too.
            overrun = max(0.0, log(max(passed, 1e-3) / under_way.seconds)) * doubt / (spread * spread)
            count = max(1.0, 0.6 * (len(_STAGES) - 1 - _STAGES.index(self._stage or _LIKE_UNKNOWN)))
            later = Stretch(
                self._later * exp(self._factor + overrun), (doubt + STAGE_SPREAD**2 / count) ** 0.5
            )
        lateness = LATENESS * max(LEAST_LATENESS, min(1.0, LONG / max(1.0, now - self._first)))
        return wait_for(under_way, later, lateness, SHORTEST * (1.0 - JITTER), LONGEST)


class RenderingPace:
    """
    When to ask next whether pictures are there.

    :param poll_interval: fixed seconds between looks, ``None`` to follow the service's ``eta``.
    :param jitter: returns a number from 0 up to 1.
    """

    SHORTEST = 2.0
    LONGEST = 60.0
    #: Taken when the service announces nothing; documented samples lie between 2.5 and 147 seconds.
    USUAL = 20.0
    SPREAD = 0.6

    def __init__(
        self, poll_interval: float | None = None, *, jitter: Callable[[], float] = random.random
    ) -> None:
        self.poll_interval = poll_interval
        self._jitter = jitter
        self._faults = 0
        self._eta: float | None = None
        self._announced_at = 0.0

    def next_delay(self, eta: float | None, now: float) -> float:
        """
        Return the seconds to wait after an answer.

        :param eta: seconds left as announced, ``None`` for no announcement.
        :param now: epoch seconds.
        """
        self._faults = 0
        if self.poll_interval is not None:
            return self.poll_interval
        if self._eta is None or (eta is not None and eta != self._eta):
            self._eta, self._announced_at = eta if eta else self.USUAL, now
        stretch = Stretch(max(1.0, self._eta), self.SPREAD, max(0.0, now - self._announced_at))
        lateness = 0.3 + 0.02 * self._eta
        wait = wait_for(stretch, None, lateness, self.SHORTEST * (1.0 - JITTER), self.LONGEST)
        return max(self.SHORTEST, wait * (1.0 - JITTER + 2.0 * JITTER * self._jitter()))

    def after_fault(self, error: DreamboothError, now: float) -> float:
        """
        Return the seconds to wait after a look that failed.

        :param error: how it failed; the seconds that the service names are kept.
        :param now: epoch seconds.
        """
        self._faults += 1
        return _back_off(self.poll_interval, 2.0 * self.SHORTEST, 60.0, self._faults, error, self._jitter())


def _tempered(eta: float, documented: float) -> float:
    """Return the time left that an announcement and the documentation together make likely."""
    apart = log(eta / documented)
    return eta * exp(-apart * DOCUMENTED_SHARE * exp(-((apart / DOCUMENTED_REACH) ** 2)))


def _back_off(
    poll_interval: float | None,
    shortest: float,
    longest: float,
    faults: int,
    error: DreamboothError,
    jitter: float,
) -> float:
    """Return the wait after so many faults in a row: doubled each time, spread, and never under what was asked."""
    first = shortest if poll_interval is None else poll_interval
    doubled = min(first * 2.0 ** min(faults - 1, 16), max(longest, first))
    asked = getattr(error, "retry_after", None) or 0.0
    return float(max(doubled, asked) * (1.0 + 0.25 * jitter))
