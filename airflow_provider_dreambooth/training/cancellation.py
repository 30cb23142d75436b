# SPDX-License-Identifier: Apache-2.0
"""
The one place that cancels a training: who may ask for it, how it is done, and what is said about it.

Cancelling is free and final: what was paid for the training stays paid, and its model will never be. The service has a
cancel only in the environment ``production``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api import training_routes
from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothNotFoundError
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.transport.blocking import BlockingTransport
from airflow_provider_dreambooth.transport.rate_limit import RateLimit

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.hooks.shared_client import SharedClient

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

    Airflow tells nobody who has failed a task. So everything else that calls ``on_kill`` is excluded, and when in doubt
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


class Fate(Enum):
    """What became of a training that was to be cancelled."""

    CANCELLED = "cancelled"
    #: It had ended before, or the service does not know it: nothing was left to cancel.
    ENDED = "ended"
    #: It is still running: not cancelled by policy, or the environment has no cancel.
    RUNNING = "running"
    #: The service did not confirm the cancel.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Cancellation:
    """
    How a cancel went.

    :param fate: what became of the training.
    :param text: the same for the log.
    :param error: why the cancel was not confirmed.
    """

    fate: Fate
    text: str
    error: DreamboothError | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the service has confirmed the cancel."""
        return self.fate is Fate.CANCELLED

    def report(self, log: Any) -> None:
        """
        Log it: as a warning unless nothing is left to do.

        :param log: Airflow's task log.
        """
        good = self.fate in (Fate.CANCELLED, Fate.ENDED)
        (log.info if good else log.warning)("%s", self.text)


class _Ask(Enum):
    STATUS = "status"
    CANCEL = "cancel"


def left_running(training_id: str, why: str) -> Cancellation:
    """
    Return the case of a training that is not to be cancelled.

    :param why: a clause, such as the one of :func:`ordered_by_a_person`.
    """
    text = f"Training {training_id} is still running: {why}. A retry or a clear re-attaches to it at no cost."
    return Cancellation(Fate.RUNNING, text)


def _cancelling(
    training_id: str, *, why: str, has_cancel: bool, report_only: bool = False, ask_first: bool = True
) -> Generator[_Ask, Any, Cancellation]:
    """Say what to ask the service next; take its answers and errors."""
    stage = "not known"
    if ask_first:
        try:
            status = yield _Ask.STATUS
        except DreamboothNotFoundError:
            return _gone(training_id)
        except DreamboothError:
            # Not needed for the cancel, which does no harm to a training that has ended.
            if report_only:
                raise
        else:
            stage = status.stage
            if not status.runs:
                return _ended(training_id, stage)
    if report_only:
        text = f"Training {training_id} would be cancelled (report_only); its stage is {stage}."
        return Cancellation(Fate.RUNNING, text)
    if not has_cancel:
        text = (
            f"Training {training_id} is still running although {why}: the sandbox environment has no cancel."
        )
        return Cancellation(Fate.RUNNING, text)
    try:
        answer = yield _Ask.CANCEL
    except DreamboothError as error:
        return (yield from _after_refusal(training_id, error))
    told = f' The service says: "{answer.message}".' if answer.message else ""
    return Cancellation(
        Fate.CANCELLED,
        f"Training {training_id} is cancelled, since {why}. What was paid for it stays paid.{told}",
    )


def _after_refusal(training_id: str, error: DreamboothError) -> Generator[_Ask, Any, Cancellation]:
    # It may have ended between the two questions; the service's words for that are not documented.
    try:
        status = yield _Ask.STATUS
    except DreamboothNotFoundError:
        return _gone(training_id)
    except DreamboothError:
        pass
    else:
        if not status.runs:
            return _ended(training_id, status.stage)
    text = f"Training {training_id} could not be cancelled and may still be running: {error}"
    return Cancellation(Fate.UNKNOWN, text, error)


def _gone(training_id: str) -> Cancellation:
    return Cancellation(
        Fate.ENDED, f"The service does not know training {training_id} (any more): nothing to cancel."
    )


def _ended(training_id: str, stage: str) -> Cancellation:
    return Cancellation(Fate.ENDED, f"Training {training_id} has ended already ({stage}): nothing to cancel.")


def cancel(
    hook: DreamboothHook, training_id: str, *, why: str, report_only: bool = False, ask_first: bool = True
) -> Cancellation:
    """
    Cancel a training, unless it has ended. Free.

    :param hook: the hook of the connection that it was started with.
    :param training_id: the training.
    :param why: a clause for the log, such as ``the task was marked failed``.
    :param report_only: only say what would be done.
    :param ask_first: ask first whether it has ended.
    :raises DreamboothError: with ``report_only``, the status could not be read. Otherwise an error is in the result.
    """
    has_cancel = hook.environment.has_cancel
    steps = _cancelling(
        training_id, why=why, has_cancel=has_cancel, report_only=report_only, ask_first=ask_first
    )
    ask: Callable[[], _Ask] = partial(next, steps)
    while True:
        try:
            step = ask()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            answer = (
                hook.fine_tune_status(training_id)
                if step is _Ask.STATUS
                else hook.cancel_training(training_id)
            )
            ask = partial(steps.send, answer)
        except DreamboothError as error:
            ask = partial(steps.throw, error)


async def acancel(
    client: SharedClient, training_id: str, *, why: str, api: TrainingApi = TrainingApi.V3
) -> Cancellation:
    """
    Do the same from inside an event loop.

    :param client: the shared client of the connection that it was started with.
    :param api: which interface of the service has it.
    """
    environment = await client.environment()
    steps = _cancelling(training_id, why=why, has_cancel=environment.has_cancel)
    ask: Callable[[], _Ask] = partial(next, steps)
    while True:
        try:
            step = ask()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            answer: Any = (
                await client.send(training_routes.status(api, training_id, environment))
                if step is _Ask.STATUS
                else await client.send(training_routes.cancel(api, training_id), patient=True)
            )
            ask = partial(steps.send, answer)
        except DreamboothError as error:
            ask = partial(steps.throw, error)


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
