"""Watching one training: what an answer means for the wait, and what is worth a line in the log.

Operator, sensor and trigger feed it with the service's answers and the time; none of them decides anything
itself. One passing fault, or a thousand, never ends a wait; a permanent one does at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
)
from airflow_provider_dreambooth.training import messages
from airflow_provider_dreambooth.training.event import WaitEnded
from airflow_provider_dreambooth.training.pace import Pace
from airflow_provider_dreambooth.training.summary import TrainingSummary


@dataclass(frozen=True)
class Look:
    """
    What one look at a training led to.

    :param delay: seconds until the next look; 0 when the wait has ended.
    :param ended: how the wait ended, ``None`` while it goes on.
    :param line: a line for the log, ``None`` when nothing changed.
    :param warning: the line is a warning.
    """

    delay: float
    ended: WaitEnded | None = None
    line: str | None = None
    warning: bool = False


class Watch:
    """
    The state of waiting for one training.

    :param summary: what is known of the training: the lines count from its request.
    :param poll_interval: fixed seconds between looks, ``None`` to follow the service's ETA.
    :param end_time: epoch seconds after which the wait ends as a timeout, ``None`` for never.
    :param now: epoch seconds.
    :param show: is called with the summary at each change of stage.
    """

    def __init__(
        self,
        summary: TrainingSummary,
        *,
        now: float,
        poll_interval: float | None = None,
        end_time: float | None = None,
        show: Callable[[TrainingSummary], None] | None = None,
    ) -> None:
        self.summary = summary
        self.training_id = summary.training_id
        self.end_time = end_time
        first_seen = summary.stages[0][1] if summary.stages else now
        self.since = first_seen if summary.requested_at is None else summary.requested_at
        self.pace = Pace(poll_interval)
        self._show = show
        self._first_fault: float | None = None

    def on_status(self, status: FineTuneStatus, now: float) -> Look:
        """Take an answer of the service."""
        line, warning = self._line(status, now), False
        if self._first_fault is not None:
            back = f"The service answers again after {messages.duration(now - self._first_fault)}."
            line = f"{back} {line}" if line else back
            self._first_fault = None
        ended: WaitEnded | None = None
        if status.outcome is Outcome.READY:
            ended = self._end("success", f"Model {self.training_id} is ready after {self._so_far(now)}.")
        elif status.outcome is Outcome.FAILED:
            text = messages.failed(
                self.training_id, status.reason, cause_is_permanent=status.cause_is_permanent
            )
            ended = self._end(
                "failed", text, reason=status.reason, cause_is_permanent=status.cause_is_permanent
            )
        elif status.outcome is Outcome.CANCELLED:
            ended = self._end("cancelled", messages.cancelled(self.training_id), reason=status.reason)
        elif self._is_over(now):
            ended = self._timeout(now)
        if ended is not None:
            return Look(0.0, ended, line, warning)
        return Look(self._until_next(self.pace.next_delay(status, now), now), None, line, warning)

    def on_error(self, error: DreamboothError, now: float) -> Look:
        """Take a look that failed."""
        if error.permanent and not isinstance(error, DreamboothTrainingFailedError):
            text = f"Waiting for training {self.training_id} cannot go on: {error} "
            if isinstance(error, DreamboothNotFoundError):
                text += "Nothing new was paid. Check the id and the connection first."
            else:
                text += (
                    "The training itself was not touched and may be running on. Mend the cause and clear the task: it is "
                    "taken up again at no cost."
                )
            return Look(0.0, self._end("error", text, error=type(error).__name__))
        if self._is_over(now):
            return Look(0.0, self._timeout(now))
        line = None
        if self._first_fault is None:
            self._first_fault = now
            line = f"Could not ask how training {self.training_id} stands; asking again. {error}"
        return Look(self._until_next(self.pace.after_fault(error, now), now), None, line, warning=True)

    def _is_over(self, now: float) -> bool:
        return self.end_time is not None and now >= self.end_time

    def _until_next(self, delay: float, now: float) -> float:
        # The last look falls on the deadline itself: a model that got ready meanwhile is not a timeout.
        return delay if self.end_time is None else max(0.0, min(delay, self.end_time - now))

    def _so_far(self, now: float) -> str:
        return messages.duration(now - self.since)

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
        parts.append(f"{self._so_far(now)} so far")
        return ", ".join(parts)

    def _timeout(self, now: float) -> WaitEnded:
        text = (
            f"Training {self.training_id} was not ready within {self._so_far(now)}. It has not been touched: what becomes of "
            "it is decided on the worker."
        )
        return self._end("timeout", text)

    def _end(self, status: str, message: str, **details: Any) -> WaitEnded:
        return WaitEnded(status, self.training_id, message, stages=self.summary.stages, **details)
