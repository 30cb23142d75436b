"""The operator that loads a model again which the service dropped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.operators.report_only import reports_only
from airflow_provider_dreambooth.runtime.errors import for_airflow
from airflow_provider_dreambooth.training.deadline import seconds_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

#: Seconds before which a deferred task must not come back: Airflow can lose it (apache/airflow #67287, #72716).
SOONEST_RETURN = 8.0


class DreamboothReloadModelOperator(BaseOperator):
    """
    Load a model again that the service dropped after 7 idle days (documented). Free; it takes about two minutes.

    A model that is loaded stays loaded: running it again does no harm. The service has no way to ask whether a model is
    loaded but to ask for it again, so that is what waiting does.

    :param model_id: the training's id. Templated.
    :param wait_for_completion: wait until the service says that the model is loaded.
    :param deferrable: wait in the triggerer instead of on a worker.
    :param poll_interval: seconds between two requests while waiting.
    :param timeout: seconds or timedelta to wait; default 15 minutes.
    :param report_only: say what would be done, and do nothing. Templated.
    :param dreambooth_conn_id: the connection.
    :return: the model id.
    :raises DreamboothNotFoundError: the service does not know the model.
    :raises DreamboothTransientError: the model was not loaded in time.
    """

    template_fields: Sequence[str] = ("model_id", "report_only", "dreambooth_conn_id")
    ui_color = "#f4eefa"

    def __init__(
        self,
        *,
        model_id: str | XComArg,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 20.0,
        timeout: float | timedelta = 900,
        report_only: bool | str = False,
        dreambooth_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Another task's output is a string by the time this one runs.
        self.model_id = cast("str", model_id)
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.report_only = report_only
        self.dreambooth_conn_id = dreambooth_conn_id

    def execute(self, context: Context) -> str:
        """Ask for the reload, again and again while waiting."""
        return self._ask(None)

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, end_time: float | None = None
    ) -> str:
        """Ask again after a deferral."""
        return self._ask(end_time)

    def _ask(self, end_time: float | None) -> str:
        try:
            return self._execute(end_time)
        except DreamboothError as error:
            raise for_airflow(error) from error.__cause__

    def _execute(self, end_time: float | None) -> str:
        from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
        from airflow_provider_dreambooth.training.waiting import check_poll_interval, check_timeout

        if reports_only(self.report_only):
            self.log.info("Model %s would be loaded again (report_only).", self.model_id)
            return self.model_id
        check_timeout(self.timeout)
        check_poll_interval(self.poll_interval)
        hook = DreamboothHook(self.dreambooth_conn_id)
        first = end_time is None
        end = time.time() + (seconds_of(self.timeout) or 0.0) if end_time is None else end_time
        while True:
            answer = hook.reload_model(self.model_id)
            if not answer.processing:
                self.log.info(
                    "Model %s is loaded. The service says: %s", self.model_id, answer.message or "nothing"
                )
                return self.model_id
            if first:
                self.log.info("Model %s is being loaded, which takes about two minutes.", self.model_id)
                first = False
            if not self.wait_for_completion:
                return self.model_id
            if time.time() >= end:
                raise DreamboothTransientError(
                    f"Model {self.model_id} was not loaded in time. Nothing was paid; a retry or a clear asks again."
                )
            self._pause(end)

    def _pause(self, end: float) -> None:
        if not self.deferrable:
            time.sleep(min(self.poll_interval, max(0.0, end - time.time())))
            return
        from airflow_provider_dreambooth.triggers.turn import DreamboothTurnTrigger

        self.defer(
            trigger=DreamboothTurnTrigger(moment=time.time() + max(self.poll_interval, SOONEST_RETURN)),
            method_name="execute_complete",
            kwargs={"end_time": end},
        )
