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
