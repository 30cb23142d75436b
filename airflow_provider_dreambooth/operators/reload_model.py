# SPDX-License-Identifier: Apache-2.0
"""The operator that loads a model again which the service dropped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_dreambooth.api.refusal import check_flag, yes_or_no
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.service_task import ServiceTask
from airflow_provider_dreambooth.training.deadline import (
    BACKSTOP_AFTER,
    SOONEST_RETURN,
    check_poll_interval,
    check_timeout,
    seconds_of,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

#: Seconds between two requests: above the 30 within which the service refuses the same one as a duplicate (documented).
USUAL_INTERVAL = 35.0


class DreamboothReloadModelOperator(ServiceTask, BaseOperator):
    """
    Load a model again that the service dropped after 7 idle days (documented). Free; it takes about two minutes.

    A model that is loaded stays loaded: running it again does no harm. The service has no way to ask whether a model is
    loaded but to ask for it again, so that is what waiting does.

    :param model_id: the training's id. Templated.
    :param wait_for_completion: wait until the service says that the model is loaded.
    :param deferrable: wait in the triggerer instead of on a worker.
    :param poll_interval: seconds between two requests while waiting; ``None`` for 35 (default). Below 30 the service may
        refuse them as duplicates.
    :param timeout: seconds or timedelta to wait, ``None`` for no limit; default 15 minutes.
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
        poll_interval: float | None = None,
        timeout: float | timedelta | None = 900,
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
        check_flag("wait_for_completion", wait_for_completion)
        check_flag("deferrable", deferrable)
        check_poll_interval(poll_interval)
        check_timeout(timeout)

    def execute(self, context: Context) -> str:
        """Ask for the reload, again and again while waiting."""
        timeout = seconds_of(self.timeout)
        with self.errors_for_airflow():
            end_time = None if timeout is None else time.time() + timeout
            return self._returned(self._ask(end_time, first=True))

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, end_time: float | None = None
    ) -> str:
        """Ask again after a deferral."""
        with self.errors_for_airflow():
            return self._returned(self._ask(end_time, first=False))

    def _ask(self, end_time: float | None, *, first: bool) -> str | Deferral:
        if yes_or_no("report_only", self.report_only, absent=False):
            self.log.info("Model %s would be loaded again (report_only).", self.model_id)
            return self.model_id
        while True:
            answer = self.hook.reload_model(self.model_id)
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
            now = time.time()
            if end_time is not None and now >= end_time:
                raise DreamboothTransientError(
                    f"Model {self.model_id} was not loaded in time. Nothing was paid; a retry or a clear asks again."
                )
            delay = USUAL_INTERVAL if self.poll_interval is None else self.poll_interval
            if end_time is not None:
                delay = min(delay, max(0.0, end_time - now))
            if self.deferrable:
                delay = max(delay, SOONEST_RETURN)
                return Deferral(
                    "time",
                    {"moment": now + delay},
                    timeout=timedelta(seconds=delay + BACKSTOP_AFTER),
                    kwargs={"end_time": end_time},
                )
            time.sleep(delay)
