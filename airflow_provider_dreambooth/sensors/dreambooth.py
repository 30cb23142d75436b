# SPDX-License-Identifier: Apache-2.0
"""The sensor that watches a training. It never cancels one, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow.providers.common.compat.sdk import BaseSensorOperator, PokeReturnValue, conf

from airflow_provider_dreambooth.api.refusal import check_flag
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.lineage.operators import TrainingLineage
from airflow_provider_dreambooth.links.dreambooth import TRAINING_LINKS, show_training
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.runtime.errors import as_sensor_timeout, without_retry
from airflow_provider_dreambooth.runtime.state_store import state_store
from airflow_provider_dreambooth.training import deadline as deadlines
from airflow_provider_dreambooth.training import task_summary
from airflow_provider_dreambooth.training.event import WaitEnded, error_of
from airflow_provider_dreambooth.training.summary import TrainingSummary

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.polling import Polling

Result = TypeVar("Result")

#: Name of the entry in the task's state: the deadline, or what earlier pokes of a rescheduled sensor have seen.
WATCH_KEY = "dreambooth_watch"


class DreamboothFineTuneSensor(TrainingLineage, BaseSensorOperator):
    """
    Wait until a training's model is ready, and return the model id.

    It fails at once when the training failed or was cancelled, or when the id or the key is wrong; a transient error
    of the service only postpones the next poll. It only watches: marked failed, cleared or timed out, it leaves the
    training running.

    An ``AssetAlias`` in its ``outlets`` gets an event for each model that is ready; so does an ``Asset``.

    With ``deferrable=True`` waiting costs no worker slot. ``mode="poke"`` and ``mode="reschedule"`` work as ever.

    :param training_id: the training, such as ``training_id=train.output``. Templated.
    :param dreambooth_conn_id: the connection.
    :param deferrable: wait in the triggerer.
    :param poll_interval: seconds between two polls in all modes; ``None`` (default) follows the service's own ETA,
        unless ``poke_interval`` was given.
    :param poke_interval: Airflow's name for the same; ``poll_interval`` wins.
    :param exponential_backoff: Airflow's growing interval, instead of the service's ETA.
    :param kwargs: standard arguments of sensors, such as ``timeout`` (seconds; default ``[sensors] default_timeout``),
        ``soft_fail`` and ``mode``.
    :raises DreamboothTrainingFailedError: the training failed or was cancelled.
    :raises DreamboothNotFoundError: the service does not know the training in the connection's environment.
    """

    template_fields: Sequence[str] = ("training_id", "dreambooth_conn_id")
    operator_extra_links = TRAINING_LINKS
    ui_color = "#e3ecfa"

    def __init__(
        self,
        *,
        training_id: str | XComArg,
        dreambooth_conn_id: str = DEFAULT_CONNECTION_ID,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta | None = None,
        poke_interval: float | timedelta | None = None,
        exponential_backoff: bool | None = None,
        **kwargs: Any,
    ) -> None:
        # Named here, so that Airflow fills them from default_args and it shows whether anybody gave them.
        if poke_interval is not None:
            kwargs["poke_interval"] = poke_interval
        if exponential_backoff is not None:
            kwargs["exponential_backoff"] = exponential_backoff
        super().__init__(**kwargs)
        check_flag("deferrable", deferrable)
        # Another task's output is a string by the time this one runs.
        self.training_id = cast("str", training_id)
        self.dreambooth_conn_id = dreambooth_conn_id
        self.deferrable = deferrable
        deadlines.check_poll_interval(poll_interval)
        self.poll_interval = deadlines.seconds_of(poll_interval)
        self.follows_eta = poll_interval is None and poke_interval is None and not exponential_backoff
        self._polling: Polling | None = None
        self._next_poll: float | None = None

    @cached_property
    def hook(self) -> DreamboothHook:
        """The hook of the task's connection."""
        from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

        return DreamboothHook(self.dreambooth_conn_id)

    @property
    def _interval(self) -> float | None:
        if self.follows_eta:
            return None
        return self.poll_interval if self.poll_interval is not None else self.poke_interval

    def execute(self, context: Context) -> Any:
        """Wait for the model, in whichever mode."""
        self._check()
        if not self.deferrable:
            return self._execute_on_worker(context)
        return self._raising(lambda: self._execute_deferrable(context))

    def _execute_on_worker(self, context: Context) -> Any:
        from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException

        try:
            return super().execute(context)
        except (AirflowSensorTimeout, AirflowSkipException):
            shown = self.training_summary
            if shown is not None and shown.ended_at is None:
                # Airflow's base sensor keeps the time here.
                task_summary.conclude(
                    self, context, WaitEnded("timeout", shown.training_id, self._too_late())
                )
            raise

    def _too_late(self) -> str:
        return (
            f"Training {self.training_id} was not ready within the sensor's timeout of {self.timeout:g} s. The sensor only "
            "watches: the training is still running at the service. Clear the task to wait again, with a higher timeout if "
            "need be."
        )

    def _check(self) -> None:
        from airflow_provider_dreambooth.api.identifier import checked_identifier

        training_id = str(self.training_id).strip()
        if training_id.lower() in ("", "none"):
            raise without_retry(
                DreamboothValidationError(
                    f"training_id is {self.training_id!r}: there is nothing to wait for. Pass the id that the training task "
                    "returned, such as training_id=train.output."
                )
            )
        try:
            self.training_id = checked_identifier("training_id", self.training_id)
        except DreamboothValidationError as error:
            raise without_retry(error) from None

    def _raising(self, action: Callable[[], Result]) -> Result:
        """Run an action; a permanent error ends the task, or skips it with ``soft_fail``."""
        from airflow.providers.common.compat.sdk import (
            AirflowFailException,
            AirflowSensorTimeout,
            AirflowSkipException,
        )

        try:
            return action()
        except DreamboothError as error:
            fatal = error if not error.permanent else without_retry(error)
            ends_here = isinstance(fatal, (AirflowFailException, AirflowSensorTimeout))
            if (self.soft_fail and ends_here) or self.never_fail:
                raise AirflowSkipException(f"Skipped, as soft_fail or never_fail says: {error}") from None
            raise fatal from error.__cause__

    def _new_polling(self, context: Context, end_time: float | None) -> Polling:
        from airflow_provider_dreambooth.training.polling import Polling

        # Airflow clears the XComs of a rescheduled task before each poke.
        seen = TrainingSummary.from_json(self._stored(context).get("training")) if self.reschedule else None
        try:
            show_training(self, context["ti"], self.hook.settings.base_url, self.training_id)
        except DreamboothTransientError:
            # The first poll needs the connection, so that a wrong id shows at once. A later one outlasts an outage.
            if seen is None:
                raise
        if seen is None or seen.training_id != self.training_id:
            seen = task_summary.of_sensor(self, context, self.training_id)
        task_summary.show(self, context["ti"], seen)
        return Polling(
            seen,
            now=time.time(),
            poll_interval=self._interval,
            end_time=end_time,
            show=lambda summary: self._show(context, summary),
        )

    def _show(self, context: Context, summary: TrainingSummary) -> None:
        task_summary.show(self, context["ti"], summary)
        if self.reschedule:
            self._store(context, training=summary.to_json())

    def _stored(self, context: Context) -> dict[str, Any]:
        """Return what an earlier poke or try stored, where there is a store that needs no clearing up."""
        store = state_store(context)
        if not store.keeps_ended:
            return {}
        entry = store.get(WATCH_KEY)
        same = isinstance(entry, dict) and entry.get("max_tries") == compat.max_tries(context)
        return entry if same else {}

    def _store(self, context: Context, **entry: Any) -> None:
        store = state_store(context)
        if store.keeps_ended:
            store.set(WATCH_KEY, {"max_tries": compat.max_tries(context), **entry})

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once."""
        return self._raising(lambda: self._poke(context))

    def _poke(self, context: Context) -> bool | PokeReturnValue:
        from airflow_provider_dreambooth.training.polling import poll

        if self._polling is None:
            # Airflow's own sensor timeout counts here, so polling has no deadline of its own.
            self._polling = self._new_polling(context, end_time=None)
        result = poll(self.hook, self._polling, log=self.log, now=time.time())
        self._next_poll = result.delay
        if result.ended is None:
            return False
        return PokeReturnValue(is_done=True, xcom_value=self._conclude(context, result.ended))

    def _get_next_poke_interval(
        self, started_at: Any, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Return the seconds until the next poke: by the service's ETA unless an interval was given."""
        if self._next_poll is not None and (self.follows_eta or self.poll_interval is not None):
            # The last poll falls just after the timeout, which Airflow checks only then.
            left = self.timeout - run_duration()
            return min(self._next_poll, max(left, 0.0) + 0.1)
        return float(super()._get_next_poke_interval(started_at, run_duration, poke_count))

    def _execute_deferrable(self, context: Context) -> str:
        from airflow_provider_dreambooth.training.polling import poll
        from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger

        end_time = self._deadline(context)
        polling = self._new_polling(context, end_time)
        first = poll(self.hook, polling, log=self.log, now=time.time())
        if first.ended is not None:
            return self._conclude(context, first.ended)
        now = time.time()
        self.defer(
            trigger=DreamboothFineTuneTrigger(
                training_id=self.training_id,
                dreambooth_conn_id=self.dreambooth_conn_id,
                poll_interval=self._interval,
                end_time=end_time,
                first_poll=deadlines.first_poll_at(first.delay, now),
            ),
            method_name="execute_complete",
            timeout=deadlines.backstop(end_time, now),
        )
        raise AssertionError("defer() does not return")

    def _deadline(self, context: Context) -> float:
        """Return the deadline of the first try: a retry gets no fresh one, as with Airflow's rescheduled sensors."""
        stored = self._stored(context).get("end_time")
        if isinstance(stored, (int, float)):
            return float(stored)
        end_time = time.time() + min(float(self.timeout), deadlines.LONGEST)
        self._store(context, end_time=end_time)
        return end_time

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Take the trigger's event: return the model id, or fail with what happened."""
        return self._raising(
            lambda: self._conclude(
                context, WaitEnded.from_payload(event, expected_id=str(self.training_id).strip())
            )
        )

    def _conclude(self, context: Context, ended: WaitEnded) -> str:
        task_summary.conclude(self, context, ended)
        if ended.status == "success":
            self.log.info("%s", ended.message)
            return ended.training_id
        if ended.status == "timeout":
            raise as_sensor_timeout(
                DreamboothTrainingTimeoutError(self._too_late(), training_id=ended.training_id)
            )
        raise _error_of(ended)


def _error_of(ended: WaitEnded) -> DreamboothError:
    """Return the error of an ended wait. The sensor starts nothing: a retry would find the same training failed."""
    error = error_of(ended)
    return without_retry(error) if ended.status == "failed" else error
