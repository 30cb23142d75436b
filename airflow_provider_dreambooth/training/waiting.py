"""Waiting for a training on a worker: the same watch as in the trigger, with blocking calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.refusal import refuse
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.training.deadline import seconds_of

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.results import FineTuneStatus
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.event import WaitEnded
    from airflow_provider_dreambooth.training.polling import Look, Watch


def look(
    hook: DreamboothHook, watch: Watch, *, log: Any, now: float, status: FineTuneStatus | None = None
) -> Look:
    """
    Look once at the training and log what changed.

    :param status: the service's answer, when it was asked just now.
    """
    try:
        result = watch.on_status(status or hook.fine_tune_status(watch.training_id), now)
    except DreamboothError as error:
        result = watch.on_error(error, now)
    report(result, log)
    return result


def check_poll_interval(value: object) -> None:
    """
    Refuse an interval that nobody can wait for.

    :param value: the argument ``poll_interval``.
    :raises DreamboothValidationError: it is neither ``None`` nor seconds above 0.
    """
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
    if value is not None and not usable:
        raise refuse(
            "poll_interval", f"is {value!r}", "Give seconds above 0, or None to follow the service's ETA"
        )


def check_timeout(value: Any) -> None:
    """
    Refuse a timeout that nobody can keep.

    :param value: the argument ``timeout``.
    :raises DreamboothValidationError: it is neither ``None`` nor a span of time above 0.
    """
    try:
        seconds_of(value)
    except (TypeError, ValueError) as error:
        raise refuse("timeout", f"cannot be used ({error})", "Give seconds, a timedelta or None") from None


def report(result: Look, log: Any) -> None:
    """Log the line of a look, if it has one."""
    if result.line:
        (log.warning if result.warning else log.info)("%s", result.line)


def wait(
    hook: DreamboothHook,
    watch: Watch,
    *,
    log: Any,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> WaitEnded:
    """Look again and again until the wait has ended. Occupies the worker slot meanwhile."""
    while True:
        result = look(hook, watch, log=log, now=clock())
        if result.ended is not None:
            return result.ended
        sleep(result.delay)
