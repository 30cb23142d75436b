"""When waiting for a training ends: an absolute time, so that no restart of a worker or triggerer moves it."""

from __future__ import annotations

from datetime import timedelta

#: Seconds by which Airflow's own deferral timeout comes later: it fails a task without asking anybody.
BACKSTOP_AFTER = 600.0
#: Longest wait in seconds (ten years): beyond that a time cannot be written down.
LONGEST = 10 * 365 * 86400.0


def seconds_of(timeout: float | timedelta | None) -> float | None:
    """
    Return a timeout in seconds, ``None`` for no limit.

    :param timeout: seconds or a timedelta.
    :raises ValueError: it is not above zero, or beyond ten years.
    """
    if timeout is None:
        return None
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"timeout must be above 0 seconds, not {timeout!r}; None waits without a limit")
    return seconds


def deadline_of(recorded: float | None, *, timeout: float | None, now: float, cleared: bool) -> float | None:
    """
    Return when this try stops to wait, in epoch seconds.

    A retry inside the budget keeps the recorded deadline. After it has passed, and after a user's clear, the
    task is meant to wait anew, and gets the whole budget again.

    :param recorded: the deadline in the record, ``None`` for none.
    :param timeout: the budget in seconds, ``None`` for no limit.
    :param now: epoch seconds.
    :param cleared: a user cleared the task since the deadline was recorded.
    """
    if timeout is None:
        return None
    if recorded is not None and not cleared and now < recorded:
        return min(recorded, now + timeout)
    return now + timeout
