# SPDX-License-Identifier: Apache-2.0
"""Watching a training that another task has started. A watch never touches it, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.exceptions import DreamboothTrainingTimeoutError, DreamboothTransientError
from airflow_provider_dreambooth.links.dreambooth import show_training
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.runtime.errors import as_sensor_timeout, without_retry
from airflow_provider_dreambooth.runtime.state_store import state_store
from airflow_provider_dreambooth.training import deadline as deadlines
from airflow_provider_dreambooth.training import polling, task_summary
from airflow_provider_dreambooth.training.event import WaitEnded, error_of
from airflow_provider_dreambooth.training.summary import TrainingSummary

if TYPE_CHECKING:
    from airflow_provider_dreambooth.training.task import WatchingTask

#: Name of the entry in the task's state: the deadline, or what earlier pokes of a rescheduled sensor have seen.
WATCH_KEY = "dreambooth_watch"


class TrainingWatch:
    """
    One run of the sensor.

    :param task: the sensor.
    :param context: the task's context.
    :param interval: fixed seconds between two polls, ``None`` to follow the service.
    :param clock: returns epoch seconds.
    """

    def __init__(
        self, task: WatchingTask, context: Any, *, interval: float | None, clock: Callable[[], float]
    ) -> None:
        self._task = task
        self._context = context
        self._interval = interval
        self._clock = clock
        self._polling: polling.Polling | None = None

    def start(self) -> str | Deferral:
        """
        Poll once; wait in the triggerer for the rest.

        :return: the id of a model that is ready.
        """
        self._polling = self._begin(self._deadline())
        first = self.poll()
        if first.ended is not None:
            return self.conclude(first.ended)
        return self._polling.deferral(first.delay, self._clock())

    def poll(self) -> polling.Poll:
        """Poll once."""
        if self._polling is None:
            # On a worker Airflow's own sensor timeout counts, so polling has no deadline of its own.
            self._polling = self._begin(end_time=None)
        return polling.poll(self._task.hook, self._polling, log=self._task.log, now=self._clock())

    def resume(self, event: dict[str, Any] | None) -> str:
        """
        Return the id of the model that is ready, or say what happened.

        :param event: the trigger's event.
        """
        expected = str(self._task.training_id).strip()
        return self.conclude(WaitEnded.from_payload(event, expected_id=expected))

    def conclude(self, ended: WaitEnded) -> str:
        """
        Show how the wait ended, and return the id of the model that is ready.

        :param ended: how the wait ended.
        :raises DreamboothError: the model is not ready.
        """
        task_summary.conclude(self._task, self._context, ended)
        if ended.status == "success":
            self._task.log.info("%s", ended.message)
            return ended.training_id
        if ended.status == "timeout":
            error = DreamboothTrainingTimeoutError(self._too_late(), training_id=ended.training_id)
            raise as_sensor_timeout(error)
        # The sensor starts nothing: a retry would find the same training failed.
        raise without_retry(error_of(ended)) if ended.status == "failed" else error_of(ended)

    def show_timeout(self) -> None:
        """Show that Airflow's base sensor has ended the wait, which keeps the time on a worker."""
        shown = self._task.training_summary
        if shown is not None and shown.ended_at is None:
            ended = WaitEnded("timeout", shown.training_id, self._too_late())
            task_summary.conclude(self._task, self._context, ended)

    def _too_late(self) -> str:
        return (
            f"Training {self._task.training_id} was not ready within the sensor's timeout of {self._task.timeout:g} s. The "
            "sensor only watches: the training is still running at the service. Clear the task to wait again, with a higher "
            "timeout if need be."
        )

    def _begin(self, end_time: float | None) -> polling.Polling:
        task, task_instance = self._task, self._context["ti"]
        # Airflow clears the XComs of a rescheduled task before each poke.
        seen = TrainingSummary.from_json(self._stored().get("training")) if task.reschedule else None
        try:
            show_training(task, task_instance, task.hook.settings.base_url, task.training_id)
        except DreamboothTransientError:
            # The first poll needs the connection, so that a wrong id shows at once. A later one outlasts an outage.
            if seen is None:
                raise
        if seen is None or seen.training_id != task.training_id:
            seen = task_summary.of_sensor(task, self._context, task.training_id)
        task_summary.show(task, task_instance, seen)
        return polling.Polling(
            seen, now=self._clock(), poll_interval=self._interval, end_time=end_time, show=self._show
        )

    def _show(self, summary: TrainingSummary) -> None:
        task_summary.show(self._task, self._context["ti"], summary)
        if self._task.reschedule:
            self._store(training=summary.to_json())

    def _deadline(self) -> float:
        """Return the deadline of the first try: a retry gets no fresh one, as with Airflow's rescheduled sensors."""
        stored = self._stored().get("end_time")
        if isinstance(stored, (int, float)):
            return float(stored)
        end_time = self._clock() + min(float(self._task.timeout), deadlines.LONGEST)
        self._store(end_time=end_time)
        return end_time

    def _stored(self) -> dict[str, Any]:
        """Return what an earlier poke or try stored, where there is a store that needs no clearing up."""
        store = state_store(self._context)
        if not store.keeps_ended:
            return {}
        entry = store.get(WATCH_KEY)
        same = isinstance(entry, dict) and entry.get("max_tries") == compat.max_tries(self._context)
        return entry if same else {}

    def _store(self, **entry: Any) -> None:
        store = state_store(self._context)
        if store.keeps_ended:
            store.set(WATCH_KEY, {"max_tries": compat.max_tries(self._context), **entry})
