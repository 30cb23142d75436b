# SPDX-License-Identifier: Apache-2.0
"""What the operators that start a training have in common: arguments, and the way through a try and a deferral."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_dreambooth.api.refusal import check_choice, check_flag
from airflow_provider_dreambooth.lineage.operators import TrainingLineage
from airflow_provider_dreambooth.links.dreambooth import TRAINING_LINKS
from airflow_provider_dreambooth.service_task import ServiceTask
from airflow_provider_dreambooth.training.announcement import refuse_early_outlets
from airflow_provider_dreambooth.training.deadline import check_poll_interval, check_timeout

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.training.run import TrainingRun


class TrainingOperator(ServiceTask, TrainingLineage, BaseOperator):
    """
    A task that has one paid training. What is trained, and by which interface of the service, says :meth:`_request`.

    :param images: as :class:`DreamboothFineTuneOperator` describes them; so with all that follows.
    """

    operator_extra_links = TRAINING_LINKS
    ui_color = "#efe4f7"

    def __init__(
        self,
        *,
        images: Any,
        parameters: Mapping[str, Any] | None,
        dreambooth_conn_id: str,
        wait_for_completion: bool,
        deferrable: bool,
        poll_interval: float | None,
        timeout: float | timedelta | None,
        cancel_on_kill: bool,
        cancel_on_timeout: bool,
        on_lost_submission: str,
        on_clear: str,
        validate_only: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.images = images
        self.parameters = parameters
        self.dreambooth_conn_id = dreambooth_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_kill = cancel_on_kill
        self.cancel_on_timeout = cancel_on_timeout
        self.on_lost_submission = on_lost_submission
        self.on_clear = on_clear
        self.validate_only = validate_only
        self._check_arguments()
        #: This try, once it has begun.
        self._try: TrainingRun | None = None

    def execute(self, context: Context) -> str:
        """Find this task's training again, or start and pay for it; wait for it if asked to."""
        return self._run(context)

    def execute_turn(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Go on after waiting for a place in the account's queue."""
        # Not execute() itself: Airflow warns when anything but its task runner calls that.
        return self._run(context)

    def _run(self, context: Context) -> str:
        with self.errors_for_airflow():
            request = self._request(context)
            self._try = self._begin(context)
            if self.validate_only:
                raise AirflowSkipException(self._try.validate(request))
            return self._returned(self._try.start(request))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Take the trigger's event: return the id of the model that is ready, or say what became of the training."""
        with self.errors_for_airflow():
            self._try = self._begin(context)
            return self._try.resume(event)

    def on_kill(self) -> None:
        """Cancel the training if, and only if, a person marked the task failed while it waits on this worker."""
        if self._try is not None:
            self._try.on_kill()

    def _begin(self, context: Context) -> TrainingRun:
        return self._flow()(self, context, clock=time.time, sleep=time.sleep)

    def _flow(self) -> type[TrainingRun]:
        """Return the flow of one try, imported here: a DAG is parsed far more often than it runs."""
        from airflow_provider_dreambooth.training.run import TrainingRun

        return TrainingRun

    @abstractmethod
    def _request(self, context: Context) -> TrainingRequest:
        """Return what is to be trained, checked but for its images."""

    def _check_arguments(self) -> None:
        """Refuse what no rendering can change, so that it is an import error of the DAG."""
        check_choice("on_lost_submission", self.on_lost_submission, ("fail", "resubmit"))
        check_choice("on_clear", self.on_clear, ("reuse", "retrain"))
        for flag in (
            "wait_for_completion",
            "deferrable",
            "cancel_on_kill",
            "cancel_on_timeout",
            "validate_only",
        ):
            check_flag(flag, getattr(self, flag))
        check_timeout(self.timeout)
        check_poll_interval(self.poll_interval)
        if self.outlets and not self.wait_for_completion:
            refuse_early_outlets(self.outlets)
