# SPDX-License-Identifier: Apache-2.0
"""The sensor that watches a training. It never cancels one, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_dreambooth.api.identifier import checked_identifier
from airflow_provider_dreambooth.api.refusal import check_flag
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothValidationError
from airflow_provider_dreambooth.lineage.operators import TrainingLineage
from airflow_provider_dreambooth.links.dreambooth import TRAINING_LINKS
from airflow_provider_dreambooth.runtime.errors import without_retry
from airflow_provider_dreambooth.service_task import ConnectedTask
from airflow_provider_dreambooth.training.deadline import check_poll_interval, seconds_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dreambooth.training.watch import TrainingWatch

Result = TypeVar("Result")


class DreamboothFineTuneSensor(ConnectedTask, TrainingLineage, BaseSensorOperator):
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
        check_poll_interval(poll_interval)
        self.poll_interval = seconds_of(poll_interval)
        self.follows_eta = poll_interval is None and poke_interval is None and not exponential_backoff
        self._next_poll: float | None = None
        #: This run, once it has begun.
        self._watching: TrainingWatch | None = None

    @property
    def _interval(self) -> float | None:
        if self.follows_eta:
            return None
        return self.poll_interval if self.poll_interval is not None else self.poke_interval

    def _watch(self, context: Context) -> TrainingWatch:
        """Return the flow of this run, imported here: a DAG is parsed far more often than it runs."""
        if self._watching is None:
            from airflow_provider_dreambooth.training.watch import TrainingWatch

            self._watching = TrainingWatch(self, context, interval=self._interval, clock=time.time)
        return self._watching

    def execute(self, context: Context) -> Any:
        """Wait for the model, in whichever mode."""
        self._check()
        if self.deferrable:
            return self._raising(lambda: self._returned(self._watch(context).start()))
        try:
            return super().execute(context)
        except (AirflowSensorTimeout, AirflowSkipException):
            self._watch(context).show_timeout()
            raise

    def _check(self) -> None:
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
        try:
            return action()
        except DreamboothError as error:
            fatal = error if not error.permanent else without_retry(error)
            ends_here = isinstance(fatal, (AirflowFailException, AirflowSensorTimeout))
            if (self.soft_fail and ends_here) or self.never_fail:
                raise AirflowSkipException(f"Skipped, as soft_fail or never_fail says: {error}") from None
            raise fatal from error.__cause__

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once."""
        return self._raising(lambda: self._poke(context))

    def _poke(self, context: Context) -> bool | PokeReturnValue:
        result = self._watch(context).poll()
        self._next_poll = result.delay
        if result.ended is None:
            return False
        return PokeReturnValue(is_done=True, xcom_value=self._watch(context).conclude(result.ended))

    def _get_next_poke_interval(
        self, started_at: Any, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Return the seconds until the next poke: by the service's ETA unless an interval was given."""
        if self._next_poll is not None and (self.follows_eta or self.poll_interval is not None):
            # The last poll falls just after the timeout, which Airflow checks only then.
            left = self.timeout - run_duration()
            return min(self._next_poll, max(left, 0.0) + 0.1)
        return float(super()._get_next_poke_interval(started_at, run_duration, poke_count))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Take the trigger's event: return the model id, or fail with what happened."""
        return self._raising(lambda: self._watch(context).resume(event))
