# SPDX-License-Identifier: Apache-2.0
"""
The one place that cancels a training: how it is done, and what is said about it.

Cancelling is free and final: what was paid for the training stays paid, and its model will never be. The service has a
cancel only in the environment ``production``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api import training_routes
from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothNotFoundError

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.hooks.shared_client import SharedClient


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

    :param why: a clause, such as the one of :func:`~airflow_provider_dreambooth.training.kill_order.ordered_by_a_person`.
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
