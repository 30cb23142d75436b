# SPDX-License-Identifier: Apache-2.0
"""How long a task waits, how often it asks, and when it leaves its worker meanwhile: one meaning for all operators."""

from __future__ import annotations

from datetime import timedelta
from math import isfinite
from typing import Any, cast

from airflow_provider_dreambooth.api.refusal import refuse

#: Seconds by which Airflow's own deferral timeout comes later: it fails a task without asking anybody.
BACKSTOP_AFTER = 600.0
#: Seconds that the poll at the deadline may take, pauses of the rate limit included: well before the backstop.
LAST_POLL = 120.0
#: Seconds before which a deferred task must not come back: Airflow can lose it (apache/airflow #67287, #72716).
SOONEST_RETURN = 8.0
#: Seconds of waiting that are worth leaving the worker for: leaving it and coming back costs about ten.
WORTH_DEFERRING = 20.0
#: Longest wait in seconds (ten years): beyond that a time cannot be written down.
LONGEST = 10 * 365 * 86400.0


def seconds_of(timeout: float | timedelta | None) -> float | None:
    """
    Return a timeout or an interval in seconds, ``None`` for none.

    :param timeout: seconds or a timedelta.
    :raises ValueError: it is no span of time above zero, or beyond ten years.
    """
    if timeout is None:
        return None
    try:
        if isinstance(timeout, bool):
            raise TypeError
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
    except (TypeError, OverflowError):
        raise ValueError(f"it is {str(timeout)[:80]}, not a span of time") from None
    if not (isfinite(seconds) and 0 < seconds <= LONGEST):
        raise ValueError(f"it is {str(timeout)[:80]}, and must be above 0 seconds and under ten years")
    return seconds


def check_timeout(value: Any) -> None:
    """
    Refuse a timeout that nobody can keep.

    :param value: the argument ``timeout``.
    :raises DreamboothValidationError: it is neither ``None`` nor a span of time above 0.
    """
    _check("timeout", value, "Give seconds, a timedelta, or None to wait without a limit")


def check_poll_interval(value: Any) -> None:
    """
    Refuse an interval that nobody can wait for.

    :param value: the argument ``poll_interval``.
    :raises DreamboothValidationError: it is neither ``None`` nor a span of time above 0.
    """
    _check("poll_interval", value, "Give seconds above 0, or None to follow the service's ETA")


def checked_age(name: str, value: Any) -> float:
    """
    Return an age in seconds, which may be 0.

    :param name: the argument's name, for the refusal.
    :param value: seconds or a timedelta.
    :raises DreamboothValidationError: it is no span of time.
    """
    advice = "Give seconds or a timedelta; 0 for none"
    if value is None:
        raise refuse(name, "is None", advice)
    if value in (0, timedelta(0)) and not isinstance(value, bool):
        return 0.0
    _check(name, value, advice)
    return cast("float", seconds_of(value))


def _check(name: str, value: Any, advice: str) -> None:
    try:
        if isinstance(value, str):
            raise ValueError(f"it is the text {value[:80]!r}")
        seconds_of(value)
    except ValueError as error:
        raise refuse(name, f"cannot be used: {error}", advice) from None


def deadline_of(recorded: float | None, *, timeout: float | None, now: float, cleared: bool) -> float | None:
    """
    Return when this try stops to wait, in epoch seconds.

    A retry inside the budget keeps the recorded deadline. After it has passed, and after a user's clear, the
    task is meant to wait again, and gets the whole budget again.

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


def backstop(end_time: float | None, now: float) -> timedelta | None:
    """
    Return Airflow's own timeout for a deferral, ``None`` for none.

    :param end_time: the deadline of the wait, which the trigger keeps: it decides on the worker, Airflow's decides nothing.
    :param now: epoch seconds.
    """
    if end_time is None:
        return None
    return timedelta(seconds=min(max(end_time - now, 0.0), LONGEST) + BACKSTOP_AFTER)


def first_poll_at(delay: float, now: float) -> float:
    """
    Return when a deferred task is to be polled first, in epoch seconds.

    :param delay: seconds until the next poll is due.
    :param now: epoch seconds.
    """
    return now + max(delay, SOONEST_RETURN)


def worth_deferring(announced: float | None, delay: float, waited: float = 0.0) -> bool:
    """
    Whether a short wait is long enough to leave the worker. A short ``poll_interval`` alone is no reason to hold it.

    :param announced: seconds until the end as the service announced them, ``None`` when it did not.
    :param delay: seconds until the next poll.
    :param waited: seconds that the task has waited on the worker already.
    """
    return announced is None or max(announced - waited, delay, waited) >= WORTH_DEFERRING
