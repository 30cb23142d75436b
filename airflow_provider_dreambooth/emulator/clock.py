# SPDX-License-Identifier: Apache-2.0
"""Where the emulator takes its time from. Everything that changes with time is a function of this clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch."""

    def now(self) -> float:
        """Return the present moment in epoch seconds."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the present moment in epoch seconds."""
        return time.time()


class ManualClock:
    """A clock that stands still until it is told to advance; for tests.

    :param start: the epoch second it starts at.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the present moment in epoch seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass.

        :param seconds: how much of it.
        """
        self._now += seconds
