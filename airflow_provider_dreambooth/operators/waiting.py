"""Waiting for a training on a worker: the same watch as in the trigger, with blocking calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.exceptions import DreamboothError

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.results import FineTuneStatus
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.event import WaitEnded
    from airflow_provider_dreambooth.training.watch import Look, Watch


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
