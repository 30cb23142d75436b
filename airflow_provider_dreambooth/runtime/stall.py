# SPDX-License-Identifier: Apache-2.0
"""
Whether this process stood still for so long that Airflow may have given its task to somebody else.

A worker that is frozen past Airflow's heartbeat timeout finds its task failed when it wakes; a triggerer that is frozen
finds its triggers taken over. Airflow then calls ``on_kill`` although no person has killed anything.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from weakref import ReferenceType, WeakKeyDictionary, ref

#: Seconds after a standstill in which a kill may be its consequence.
REMEMBERED = 300.0
#: Seconds without a beat that are a standstill at most. No healthy process is silent for so long.
WORKER_LIMIT, TRIGGERER_LIMIT = 30.0, 15.0


class StallDetector:
    """
    Notices a standstill by the beats that are missing.

    :param limit: seconds without a beat that count as one.
    :param now: epoch seconds.
    """

    def __init__(self, limit: float, now: float) -> None:
        self.limit = limit
        self._last = now
        self._woke_at: float | None = None

    def beat(self, now: float) -> None:
        """Note that the process runs."""
        if now - self._last >= self.limit:
            self._woke_at = now
        self._last = now

    def stalled(self, now: float) -> bool:
        """Return whether the process stood still a moment ago."""
        silent = now - self._last >= self.limit
        return silent or (self._woke_at is not None and now - self._woke_at < REMEMBERED)

    def check(self) -> None:
        """Beat now, unless the process that speaks with Airflow for this one is stopped."""
        if not _parent_is_stopped():
            self.beat(time.time())


def _parent_is_stopped() -> bool:
    """Whether the supervisor, which sends the heartbeats, is stopped. Only Linux tells."""
    try:
        return Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def _limit(at_most: float, section: str, option: str) -> float:
    # Half of Airflow's own limit, which may be set otherwise for the scheduler: when in doubt, it is a standstill.
    from airflow.providers.common.compat.sdk import conf

    return min(at_most, float(conf.getfloat(section, option, fallback=2 * at_most)) / 2)


@contextmanager
def watched_worker() -> Iterator[StallDetector]:
    """Watch a task's process by a thread of its own while it waits."""
    limit = _limit(WORKER_LIMIT, "scheduler", "task_instance_heartbeat_timeout")
    detector, over = StallDetector(limit, time.time()), Event()

    def beat() -> None:
        while not over.wait(limit / 4):
            detector.check()

    Thread(target=beat, name="dreambooth-stall", daemon=True).start()
    try:
        yield detector
    finally:
        over.set()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, ReferenceType[StallDetector]] = WeakKeyDictionary()


def watched_event_loop() -> StallDetector:
    """Return the detector that all triggers of the running event loop share; it ends with the last that holds it."""
    loop = asyncio.get_running_loop()
    known = _of_loops.get(loop)
    detector = known() if known is not None else None
    if detector is None:
        limit = _limit(TRIGGERER_LIMIT, "triggerer", "triggerer_health_check_threshold")
        detector = StallDetector(limit, time.time())
        _of_loops[loop] = ref(detector)
        loop.call_later(limit / 4, _beat, loop, ref(detector))
    return detector


def _beat(loop: asyncio.AbstractEventLoop, known: ReferenceType[StallDetector]) -> None:
    detector = known()
    if detector is not None:
        detector.check()
        loop.call_later(detector.limit / 4, _beat, loop, known)
