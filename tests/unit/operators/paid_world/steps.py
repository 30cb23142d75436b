# SPDX-License-Identifier: Apache-2.0
"""The clock, and every touch of the outside as a step: there others may act, and the worker may die."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


class WorkerDied(BaseException):
    """The worker process is gone at this very moment."""


@dataclass(frozen=True)
class Moment:
    """
    A moment of a run.

    :param after: so many steps later.
    :param name: than the first step of this name; ``None``: than the start.
    """

    after: int
    name: str | None = None

    def at(self, step: str) -> Moment:
        """Return what is left of the way after that step; it has come when :attr:`after` is below 0."""
        if self.name not in (None, step):
            return self
        return Moment(self.after - 1)


class Steps:
    """Whatever touches the outside goes through :meth:`step`."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.calls: list[str] = []
        #: Until when the stores of Airflow do not answer.
        self.outages = {"state": 0.0, "state reads": 0.0, "state writes": 0.0, "variables": 0.0}
        self._next_outage: tuple[str, str, float] | None = None
        self._failures: dict[str, int] = {}
        self._deaths: list[Moment | None] = [None]
        self._aside: tuple[Moment, Callable[[], None]] | None = None
        #: The value that is about to be written into the task's state.
        self.writing: Any = None
        #: What the model has found while something else happened.
        self.broken: AssertionError | None = None

    # The clock

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds
        self.step("slept")

    # Steps

    def step(self, name: str) -> None:
        """Touch the outside: others may act now, and the worker may die."""
        self.calls.append(name)
        if self._next_outage is not None and self._next_outage[0] == name:
            _, what, seconds = self._next_outage
            self._next_outage = None
            self.outages[what] = self.now + seconds
        if self._aside is not None:
            moment, action = self._aside
            moment = moment.at(name)
            self._aside = (moment, action)
            if moment.after < 0:
                self._aside = None
                # Another worker: its death is its own.
                self._deaths.append(None)
                try:
                    action()
                except AssertionError as broken:
                    # The provider takes whatever its stores raise for an outage: it must not take this.
                    self.broken = broken
                    raise
                finally:
                    self._deaths.pop()
        death = self._deaths[-1]
        if death is not None:
            death = self._deaths[-1] = death.at(name)
            if death.after < 0:
                raise WorkerDied

    @contextlib.contextmanager
    def mortal(self, moment: int | Moment | None) -> Iterator[None]:
        """Let the worker die at that moment."""
        self._deaths.append(Moment(moment) if isinstance(moment, int) else moment)
        try:
            yield
        finally:
            self._deaths.pop()

    def aside(self, moment: int | Moment, action: Callable[[], None]) -> None:
        """Let something else happen in the middle of the next run."""
        self._aside = (Moment(moment) if isinstance(moment, int) else moment, action)

    def outage(self, at: str, what: str, seconds: float) -> None:
        """Let a store of Airflow stop to answer at the next step of that name."""
        self._next_outage = (at, what, seconds)

    def failures(self, name: str, count: int) -> None:
        """Let a store of Airflow fail so many times at steps of that name, however short the time between."""
        self._failures[name] = count

    def forget_plans(self) -> None:
        """Drop what was to happen in a run and did not."""
        self._aside = self._next_outage = None
        self._failures.clear()

    def is_out(self, step: str, *names: str) -> bool:
        """Whether a store fails at a step."""
        if self._failures.get(step):
            self._failures[step] -= 1
            return True
        return any(self.now < self.outages[name] for name in names)
