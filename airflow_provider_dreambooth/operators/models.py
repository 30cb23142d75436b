# SPDX-License-Identifier: Apache-2.0
"""Operators about trainings and models that exist: cancel, delete, reload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_dreambooth.api.refusal import check_choice, yes_or_no
from airflow_provider_dreambooth.api.scalar import is_absent
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import DreamboothNotFoundError, DreamboothValidationError
from airflow_provider_dreambooth.service_task import ServiceTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg


class _ModelOperator(ServiceTask, BaseOperator):
    """What these operators share."""

    ui_color = "#f4eefa"
    #: The argument that names what the operator is about.
    _about: ClassVar[str]

    def __init__(
        self,
        *,
        dreambooth_conn_id: str = DEFAULT_CONNECTION_ID,
        report_only: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dreambooth_conn_id = dreambooth_conn_id
        self.report_only = report_only

    def execute(self, context: Context) -> str:
        with self.errors_for_airflow():
            report_only = yes_or_no("report_only", self.report_only, absent=False)
            if is_absent(getattr(self, self._about)):
                # What a task leaves that was skipped, or refused before anything was paid.
                raise AirflowSkipException(
                    f"{self._about} is empty: the task that it comes from has started no training. There is nothing to do."
                )
            return self._act(report_only=report_only)

    def _act(self, *, report_only: bool) -> str:
        raise NotImplementedError


class DreamboothCancelTrainingOperator(_ModelOperator):
    """
    Cancel a running training. What was paid for it stays paid. A training that has ended or is gone is no error.

    The task skips itself when there is no id, because the training task was skipped or refused.

    :param training_id: the training. Templated.
    :param training_api: ``v6`` for a training of :class:`DreamboothTrainerOperator`, ``v3`` for any other.
    :param report_only: say what would be done, and do nothing. Templated.
    :param dreambooth_conn_id: the connection; its environment must be ``production``.
    :return: the training id.
    """

    template_fields: Sequence[str] = ("training_id", "report_only", "dreambooth_conn_id")
    _about = "training_id"

    def __init__(self, *, training_id: str | XComArg, training_api: str = "v3", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("training_api", training_api, ("v3", "v6"))
        self.training_api = training_api
        # Another task's output is a string by the time this one runs.
        self.training_id = cast("str", training_id)

    def _act(self, *, report_only: bool) -> str:
        """Cancel, unless there is nothing left to cancel."""
        # Here, since a DAG is parsed far more often than it runs.
        from airflow_provider_dreambooth.training import cancellation

        done = cancellation.cancel(
            self.hook.of_training_api(self.training_api),
            self.training_id,
            why="this task was asked to cancel it",
            report_only=report_only,
        )
        if done.error is not None:
            raise done.error
        if done.fate is cancellation.Fate.RUNNING and not report_only:
            raise DreamboothValidationError(
                f"{done.text} Set environment to production in connection {self.dreambooth_conn_id!r} if it was "
                "started there."
            )
        done.report(self.log)
        return self.training_id


class DreamboothDeleteModelOperator(_ModelOperator):
    """
    Delete a model permanently. A model that is gone already is no error.

    The task skips itself when there is no id, because the training task was skipped or refused.

    :param model_id: the training's id. Templated.
    :param report_only: say what would be done, and do nothing. Templated.
    :param dreambooth_conn_id: the connection.
    :return: the model id.
    """

    template_fields: Sequence[str] = ("model_id", "report_only", "dreambooth_conn_id")
    _about = "model_id"

    def __init__(self, *, model_id: str | XComArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Another task's output is a string by the time this one runs.
        self.model_id = cast("str", model_id)

    def _act(self, *, report_only: bool) -> str:
        """Delete, unless the model is gone already."""
        if report_only:
            self.log.info("Model %s would be deleted (report_only).", self.model_id)
            return self.model_id
        try:
            self.hook.delete_model(self.model_id)
        except DreamboothNotFoundError:
            self.log.info("The service does not know model %s (any more): nothing to delete.", self.model_id)
        else:
            self.log.info("Model %s is deleted.", self.model_id)
        return self.model_id
