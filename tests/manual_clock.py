# SPDX-License-Identifier: Apache-2.0
"""A clock for the emulator that only a test moves."""

from __future__ import annotations


class ManualClock:
    """A clock that stands still until it is told to advance.

    :param start: the epoch second it starts at.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the present moment in epoch seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
