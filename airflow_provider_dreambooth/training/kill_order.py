# SPDX-License-Identifier: Apache-2.0
"""Whether a kill of the waiting task is a person's order to cancel its training, and the cancel in what time is left then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.training.cancellation import Cancellation, cancel, left_running
from airflow_provider_dreambooth.transport.blocking import BlockingTransport
from airflow_provider_dreambooth.transport.rate_limit import RateLimit

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

#: Seconds in which Airflow must answer: it kills the process 5 s after the signal.
ANSWER_WITHIN = 2.0


@dataclass(frozen=True)
class KillFacts:
    """
    What is known when Airflow calls ``on_kill``, of the operator on a worker or of the trigger.

    :param task_state: the task instance's state in Airflow, ``None`` when the question had no answer.
    :param now: epoch seconds.
    :param end_time: the wait's deadline, ``None`` for none.
    :param stalled: this process stood still a moment ago, long enough for Airflow to give up on it.
    :param same_try: the try that this wait belongs to is still the task's last one; ``None`` when unknown.
    :param failed_elsewhere: in a DAG with ``fail_fast``, whether another task has failed; ``None`` when unknown.
    :param adopted: the training was inferred from the account's list after a lost answer.
    """

    task_state: str | None
    now: float
    end_time: float | None = None
    stalled: bool = False
    same_try: bool | None = True
    failed_elsewhere: bool | None = False
    adopted: bool = False


def ordered_by_a_person(facts: KillFacts) -> tuple[bool, str]:
    """
    Return whether a person has marked the waiting task failed, and why or why not, for the log.

    Airflow does not say who has failed a task. So everything else that calls ``on_kill`` is excluded, and when in doubt
    the training is left running: one that is still running can be cancelled later, a cancelled one is lost.

    ================================================  =========================================================
    what is known                                     what it means
    ================================================  =========================================================
    the task's state is not known                     in doubt
    any state but ``failed``                          eviction, time-out, clear, mark success, a trigger taken over
    the training was adopted                          it may be somebody else's
    this process stood still a moment ago             Airflow failed the task, or moved it, for want of heartbeats
    another task failed in a DAG with ``fail_fast``   Airflow failed this one too
    a newer try has begun, or it is not known         that one failed, not the wait of this one
    the deadline of the wait is over                  the timeout failed the task
    none of these                                     a person marked the task, or its whole run, failed
    ================================================  =========================================================

    :param facts: what is known.
    """
    if facts.task_state is None:
        return False, "the task's state could not be read"
    if facts.task_state != "failed":
        return False, f"the task is {facts.task_state}, not marked failed"
    if facts.adopted:
        return False, "it was adopted after a lost answer and may be somebody else's"
    if facts.stalled:
        return False, (
            "this process stood still for longer than Airflow waits for a heartbeat, so Airflow itself may have failed "
            "the task"
        )
    if facts.failed_elsewhere is None:
        return False, "the DAG has fail_fast, and the states of its other tasks could not be read"
    if facts.failed_elsewhere:
        return False, "the DAG has fail_fast and another task failed, so Airflow itself failed this one"
    if facts.same_try is None:
        return False, "it could not be read whether the task has begun a new try"
    if not facts.same_try:
        return False, "the task has begun a new try, which failed by itself"
    if facts.end_time is not None and facts.now >= facts.end_time:
        return False, "the task failed by its timeout"
    return True, "the task was marked failed"


def cancel_if_marked_failed(
    hook: DreamboothHook, training_id: str, task_instance: Any, dag: Any, known: KillFacts
) -> Cancellation:
    """
    Cancel a training from ``on_kill`` on a worker, if a person marked the waiting task failed.

    Airflow calls this in a signal handler, in the middle of the wait, and kills the process 5 seconds later.

    :param hook: the hook of the task's connection.
    :param training_id: the training that the task waits for.
    :param task_instance: the running task instance.
    :param dag: its DAG.
    :param known: what the task knows by itself.
    """
    state, elsewhere = _from_airflow(task_instance, dag)
    facts = replace(known, task_state=state, failed_elsewhere=elsewhere)
    ordered, why = ordered_by_a_person(facts)
    if not ordered:
        return left_running(training_id, why)
    # It was running a moment ago, and there is no time to ask.
    with _own_transport(hook) as own:
        return cancel(own, training_id, why=why, ask_first=False)


def _from_airflow(task_instance: Any, dag: Any) -> tuple[str | None, bool | None]:
    """Ask for the task's state, and whether ``fail_fast`` failed it. What has no answer is ``None``."""
    # In a thread of its own: the signal may have interrupted a talk with the supervisor, whose lock is then held.
    # A daemon, as a talk that never ends must not hold up the end of the process.
    state: list[str | None] = []
    elsewhere: list[bool] = []

    def ask() -> None:
        with suppress(Exception):
            state.append(compat.task_state(task_instance))
            elsewhere.append(compat.failed_by_fail_fast(task_instance, dag))

    thread = Thread(target=ask, name="dreambooth-task-state", daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN)
    return state[0] if state else None, elsewhere[0] if elsewhere else None


@contextmanager
def _own_transport(hook: DreamboothHook) -> Iterator[DreamboothHook]:
    """Return the hook over a transport and a rate limit of its own: the interrupted wait may hold the account's only place."""
    transport = BlockingTransport(hook.settings, limit=RateLimit(1))
    own = copy(hook)
    own.get_conn = lambda: transport  # type: ignore[method-assign]
    try:
        yield own
    finally:
        transport.close()
