# SPDX-License-Identifier: Apache-2.0
"""Polling one training: what an answer means for the wait, and what is worth a line in the log.

Operator, sensor and trigger feed it with the service's answers and the time; none of them decides anything
itself. One transient error, or a thousand, never ends a wait; a permanent one does at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
)
from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.training import messages, schedule
from airflow_provider_dreambooth.training.deadline import backstop, first_poll_at
from airflow_provider_dreambooth.training.event import WaitEnded
from airflow_provider_dreambooth.training.summary import TrainingSummary

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

#: Seconds after the request in which the service may not know its own training yet.
MAY_BE_UNKNOWN = 120.0
#: Seconds after which a training that is completed and offers nothing to render with counts as stopped.
STOPPED_AFTER = 1800.0


@dataclass(frozen=True)
class Poll:
    """
    What one poll led to.

    :param delay: seconds until the next poll; 0 when the wait has ended.
    :param ended: how the wait ended, ``None`` while it goes on.
    :param line: a line for the log, ``None`` when nothing changed.
    :param warning: the line is a warning.
    """

    delay: float
    ended: WaitEnded | None = None
    line: str | None = None
    warning: bool = False

    def report(self, log: Any) -> None:
        """
        Log the line, if there is one.

        :param log: the task's log.
        """
        if self.line:
            (log.warning if self.warning else log.info)("%s", self.line)


class Polling:
    """
    The state of waiting for one training.

    :param summary: what is known of the training: the lines count from its request.
    :param now: epoch seconds.
    :param poll_interval: fixed seconds between polls, ``None`` to follow the service (:mod:`..training.schedule`).
    :param end_time: epoch seconds after which the wait ends as a timeout, ``None`` for never.
    :param show: is called with the summary at each change of stage.
    :param jitter: returns a number from 0 up to 1.
    """

    def __init__(
        self,
        summary: TrainingSummary,
        *,
        now: float,
        poll_interval: float | None = None,
        end_time: float | None = None,
        show: Callable[[TrainingSummary], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.summary = summary
        self.training_id = summary.training_id
        self.poll_interval = poll_interval
        self.end_time = end_time
        first_seen = summary.stages[0][1] if summary.stages else now
        self.since = first_seen if summary.requested_at is None else summary.requested_at
        self._show = show
        self._jitter = jitter
        self._errors = 0
        self._first_error = now

    def on_answer(self, status: FineTuneStatus, now: float) -> Poll:
        """Take an answer of the service."""
        line = self._line(status, now)
        if self._errors:
            back = f"The service answers again after {messages.duration(now - self._first_error)}."
            line, self._errors = f"{back} {line}" if line else back, 0
        ended = self._end_of(status, now)
        if ended is not None:
            return Poll(0.0, ended, line)
        delay = self.poll_interval
        if delay is None:
            delay = schedule.next_poll(status, now - self.since, self._jitter())
        return Poll(self._until_next(delay, now), None, line)

    def on_error(self, error: DreamboothError, now: float) -> Poll:
        """Take a poll that failed."""
        if error.permanent and not self._may_pass(error, now):
            return Poll(0.0, self._error(error))
        if self._is_over(now):
            return Poll(0.0, self._timeout(now))
        self._errors += 1
        line = None
        if self._errors == 1:
            self._first_error = now
            line = f"The status of training {self.training_id} is not available, polling again: {error}"
        first = schedule.SHORTEST if self.poll_interval is None else self.poll_interval
        delay = schedule.after_errors(
            self._errors, first, getattr(error, "retry_after", None), self._jitter()
        )
        return Poll(self._until_next(delay, now), None, line, warning=True)

    def deferral(self, delay: float, now: float, **arguments: Any) -> Deferral:
        """
        Return the rest of the wait, to be spent in the triggerer.

        :param delay: seconds until the next poll is due.
        :param now: epoch seconds.
        :param arguments: further arguments of the trigger.
        """
        wait = {
            "training_id": self.training_id,
            "poll_interval": self.poll_interval,
            "end_time": self.end_time,
            "first_poll": first_poll_at(delay, now),
        }
        return Deferral("training", {**wait, **arguments}, timeout=backstop(self.end_time, now))

    def _may_pass(self, error: DreamboothError, now: float) -> bool:
        """Whether an error that is permanent by its class may be none here."""
        if isinstance(error, DreamboothNotFoundError):
            # A service that lags behind its own answer is no proof that the training is gone.
            requested = self.summary.requested_at
            return requested is not None and now - requested < MAY_BE_UNKNOWN
        return isinstance(error, DreamboothTrainingFailedError)

    def _is_over(self, now: float) -> bool:
        return self.end_time is not None and now >= self.end_time

    def _until_next(self, delay: float, now: float) -> float:
        # The last poll falls on the deadline itself: a model that became ready meanwhile is not a timeout.
        return delay if self.end_time is None else max(0.0, min(delay, self.end_time - now))

    def _so_far(self, now: float) -> str | None:
        """How long the training has taken, ``None`` where that is not known: who waits may have come late."""
        known = self.summary
        seconds = None if known.requested_at is None else replace(known, ended_at=now).seconds
        return None if seconds is None else messages.duration(seconds)

    def _line(self, status: FineTuneStatus, now: float) -> str | None:
        known = self.summary
        self.summary = known.at_stage(status.stage, now, status.progress.eta)
        if self.summary is known:
            return None
        if self._show is not None and not status.outcome.ended:
            self._show(self.summary)
        parts = [f"Training {self.training_id}: {status.stage}"]
        progress = status.progress
        if progress.step is not None and not status.outcome.ended:
            title = f" ({progress.title})" if progress.title else ""
            to_go = f", {progress.steps_to_go} to go" if progress.steps_to_go is not None else ""
            parts.append(f"step {progress.step}{title}{to_go}")
        if progress.eta and not status.outcome.ended:
            parts.append(f"ETA {messages.duration(progress.eta)}")
        so_far = self._so_far(now)
        if so_far:
            parts.append(f"{so_far} so far")
        return ", ".join(parts)

    def _end_of(self, status: FineTuneStatus, now: float) -> WaitEnded | None:
        if status.outcome is Outcome.READY:
            so_far = self._so_far(now)
            after = f" after {so_far}" if so_far else ""
            return self._end("success", f"Model {self.training_id} is ready{after}.")
        if status.outcome is Outcome.FAILED:
            permanent = status.cause_is_permanent
            text = messages.failed(self.training_id, status.reason, cause_is_permanent=permanent)
            return self._end("failed", text, reason=status.reason, cause_is_permanent=permanent)
        if status.outcome is Outcome.CANCELLED:
            return self._end("cancelled", messages.cancelled(self.training_id), reason=status.reason)
        if status.may_be_stopped and now - self.summary.stages[-1][1] >= STOPPED_AFTER:
            return self._end("cancelled", messages.stopped(self.training_id), reason=status.stage)
        return self._timeout(now) if self._is_over(now) else None

    def _timeout(self, now: float) -> WaitEnded:
        so_far = self._so_far(now)
        within = f"within {so_far}" if so_far else "in time"
        text = f"Training {self.training_id} was not ready {within}. It has not been touched."
        return self._end("timeout", text)

    def _error(self, error: DreamboothError) -> WaitEnded:
        text = f"Waiting for training {self.training_id} ended: {error} "
        if isinstance(error, DreamboothNotFoundError):
            text += "Nothing new was paid."
        else:
            text += (
                "The training itself was not touched and may still be running. Fix the cause and clear the task: the training "
                "is re-attached at no cost."
            )
        return self._end("error", text, error=type(error).__name__)

    def _end(self, status: str, message: str, **details: Any) -> WaitEnded:
        return WaitEnded(status, self.training_id, message, stages=self.summary.stages, **details)


def poll(
    hook: DreamboothHook, polling: Polling, *, log: Any, now: float, status: FineTuneStatus | None = None
) -> Poll:
    """
    Poll the training once from a worker and log what changed.

    :param status: the service's answer, when it was asked just now.
    """
    try:
        if status is None:
            status = hook.fine_tune_status(polling.training_id)
        result = polling.on_answer(status, now)
    except DreamboothError as error:
        result = polling.on_error(error, now)
    result.report(log)
    return result


def wait(
    hook: DreamboothHook,
    polling: Polling,
    *,
    log: Any,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> WaitEnded:
    """Poll until the wait has ended. Occupies the worker slot meanwhile."""
    while True:
        result = poll(hook, polling, log=log, now=clock())
        if result.ended is not None:
            return result.ended
        sleep(result.delay)
