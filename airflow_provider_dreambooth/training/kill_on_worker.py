"""``on_kill`` on a worker: called in a signal handler, also on evictions and time-outs, so it asks first."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.training.kill import KillFacts, may_cancel

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

#: Airflow kills the process 5 s after the signal; the question must not use them up.
ANSWER_WITHIN = 2.0


def _task_state(task_instance: Any) -> str | None:
    # In a thread of its own: the signal may have interrupted a talk with the supervisor, whose lock is then held.
    # A daemon, as a talk that never ends must not hold up the end of the process.
    answers: list[str | None] = []

    def ask() -> None:
        with suppress(Exception):
            answers.append(compat.task_state(task_instance))

    thread = Thread(target=ask, name="dreambooth-task-state", daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN)
    return answers[0] if answers else None


def _cancel(hook: DreamboothHook, training_id: str) -> None:
    # Over a transport and a gate of their own: the signal has interrupted the wait, which may hold the only place
    # of the account, or a lock, and goes on only when this is done.
    from airflow_provider_dreambooth.api import training_calls
    from airflow_provider_dreambooth.transport.blocking import BlockingTransport
    from airflow_provider_dreambooth.transport.gate import Gate
    from airflow_provider_dreambooth.transport.limiter import Limiter

    transport = BlockingTransport(hook.settings, gate=Gate(Limiter(1)))
    try:
        transport.send(training_calls.cancel(training_id))
    finally:
        transport.close()


def cancel_if_marked_failed(
    hook: DreamboothHook,
    task_instance: Any,
    *,
    training_id: str,
    end_time: float | None,
    log: Any,
    now: float,
) -> None:
    """
    Cancel the training if a user marked the task failed; say what becomes of it in any case.

    :param training_id: the training that the task waits for.
    :param end_time: the wait's deadline.
    """
    facts = KillFacts(_task_state(task_instance), training_id, training_id, end_time, now)
    allowed, why = may_cancel(facts)
    if not allowed:
        log.info(
            "Training %s runs on: %s. A retry or a clear takes it up again at no cost.", training_id, why
        )
    elif not hook.environment.has_cancel:
        log.warning(
            "Training %s runs on although %s: the sandbox environment has no cancel.", training_id, why
        )
    else:
        try:
            _cancel(hook, training_id)
            log.info("Training %s is cancelled, since %s. What was paid for it stays paid.", training_id, why)
        except DreamboothError as error:
            log.error("Training %s could not be cancelled and may run on: %s", training_id, error)
