# SPDX-License-Identifier: Apache-2.0
"""The operator that keeps the newest models of each subject and deletes the rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dreambooth.api.fingerprint import service_host
from airflow_provider_dreambooth.api.refusal import refuse, yes_or_no
from airflow_provider_dreambooth.assets import ready_models
from airflow_provider_dreambooth.assets.selection import NAMED_BY_HAND, Candidate, Rules, Verdict, choose
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import DreamboothNotFoundError
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.service_task import ServiceTask
from airflow_provider_dreambooth.training.deadline import checked_age

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class DreamboothKeepNewestModelsOperator(ServiceTask, BaseOperator):
    """
    Keep the newest models of each subject and delete the rest permanently. Deleting is free.

    Which model shows which subject the service does not tell. It is read from the asset events of ready models: name
    the alias that your trainings have in their ``outlets`` in the ``inlets`` of this task, and models with the same
    instance prompt are one subject. Or name models of one subject yourself in ``model_ids``. A model that
    neither tells of is never touched.

    A model is never deleted while a DAG of ``rendering_dags`` runs, while it is ``pinned``, or within ``unused_for`` after
    it became ready. Renderings leave no trace that this task could see: name every DAG that renders. Running it again
    does no harm.

    .. seealso:: :doc:`/how-to/housekeeping`

    :param keep: how many of the newest models of each subject to keep, 1 or more. Templated.
    :param model_ids: models of one subject, oldest first, instead of ``inlets``. Templated.
    :param subject: only models with this instance prompt may go; ``None`` for every subject. Templated.
    :param rendering_dags: ids of all DAGs that render with these models: while one of them has a queued or running run,
        nothing is deleted. An empty list says that there is none; an id that Airflow does not know is refused. Templated.
    :param unused_for: seconds or timedelta for which a model stays after it became ready; default one day.
    :param pinned: models that always stay. Templated.
    :param report_only: say what would be deleted, and delete nothing. Templated.
    :param dreambooth_conn_id: the connection.
    :return: the ids that were deleted, or with ``report_only`` would be. XCom ``verdicts`` says why for each model.
    :raises DreamboothValidationError: an argument makes no sense; nothing was deleted.
    """

    template_fields: Sequence[str] = (
        "keep",
        "model_ids",
        "subject",
        "rendering_dags",
        "pinned",
        "report_only",
        "dreambooth_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "model_ids": "json",
        "rendering_dags": "json",
        "pinned": "json",
    }
    ui_color = "#f4eefa"

    def __init__(
        self,
        *,
        keep: int | str,
        rendering_dags: Sequence[str],
        model_ids: Any = None,
        subject: str | None = None,
        unused_for: float | timedelta = timedelta(days=1),
        pinned: Sequence[str] = (),
        report_only: bool | str = False,
        dreambooth_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keep = keep
        self.model_ids = model_ids
        self.subject = subject
        self.unused_for = unused_for
        self.rendering_dags = rendering_dags
        self.pinned = pinned
        self.report_only = report_only
        self.dreambooth_conn_id = dreambooth_conn_id
        checked_age("unused_for", unused_for)

    def execute(self, context: Context) -> list[str]:
        """Decide about each known model, and delete those that nothing speaks for."""
        with self.errors_for_airflow():
            return self._execute(context)

    def _rules(self) -> Rules:
        try:
            keep = int(self.keep)
        except (TypeError, ValueError):
            keep = 0
        if keep < 1:
            raise refuse("keep", f"is {self.keep!r}", "Give a whole number of 1 or more")
        for name in ("rendering_dags", "pinned", "model_ids"):
            if isinstance(getattr(self, name), (str, bytes)):
                raise refuse(name, "is a single text", f"Write a list: {name}=[...]")
        if self.rendering_dags is None:
            raise refuse("rendering_dags", "is None", "List the DAGs that render; [] says that none does")
        unused_for = checked_age("unused_for", self.unused_for)
        return Rules(
            keep, unused_for, frozenset(str(item) for item in self.pinned or ()), self.subject or None
        )

    def _execute(self, context: Context) -> list[str]:
        rules, report_only = self._rules(), yes_or_no("report_only", self.report_only, absent=False)
        unknown = compat.unknown_dags(context["ti"], self.rendering_dags)
        if unknown:
            raise refuse(
                "rendering_dags",
                f"names {', '.join(unknown)}, which Airflow does not know",
                "Correct the spelling, or take the id out: a misspelt DAG protects nothing",
            )
        candidates = self._candidates(context, service_host(self.hook.settings.base_url))
        if self._is_busy(context):
            return []
        listed = self.hook.list_models() if self.hook.environment.has_model_list else None
        existing = None if listed is None else frozenset(model.model_id for model in listed if model.model_id)
        verdicts = choose(candidates, rules, existing=existing, now=time.time())
        context["ti"].xcom_push(key="verdicts", value=[verdict.to_json() for verdict in verdicts])
        gone: list[str] = []
        for verdict in verdicts:
            if not verdict.delete:
                self.log.info("Model %s stays: %s.", verdict.model_id, verdict.why)
            elif report_only:
                self.log.info("Model %s would be deleted: %s.", verdict.model_id, verdict.why)
                gone.append(verdict.model_id)
            # Asked for right before each deletion: a run may have begun a moment ago.
            elif self._is_busy(context):
                break
            else:
                self._delete(verdict)
                gone.append(verdict.model_id)
        self.log.info(
            "%d of %d known models %s.",
            len(gone),
            len(verdicts),
            "would be deleted (report_only)" if report_only else "deleted",
        )
        return gone

    def _is_busy(self, context: Context) -> bool:
        busy = compat.dags_with_runs(context["ti"], self.rendering_dags)
        if busy:
            self.log.info(
                "%s has a queued or running run: nothing more is deleted this time.", ", ".join(busy)
            )
        return bool(busy)

    def _candidates(self, context: Context, host: str) -> list[Candidate]:
        if self.model_ids is not None:
            subject = self.subject or NAMED_BY_HAND
            return [Candidate(str(model_id), subject) for model_id in dict.fromkeys(map(str, self.model_ids))]
        if not self.inlets:
            raise refuse(
                "model_ids",
                "is not given, and the task has no inlets",
                'Name the alias of your trainings, inlets=[AssetAlias("...")], or the models themselves',
            )
        events = [event for inlet in self.inlets for event in context["inlet_events"][inlet]]
        return [
            Candidate(
                model.model_id,
                model.instance_prompt,
                None if model.ready_at is None else datetime.fromisoformat(model.ready_at).timestamp(),
            )
            for model in ready_models(events)
            if model.host == host
        ]

    def _delete(self, verdict: Verdict) -> None:
        try:
            self.hook.delete_model(verdict.model_id)
        except DreamboothNotFoundError:
            self.log.info("Model %s is gone already.", verdict.model_id)
        else:
            self.log.info("Model %s is deleted: %s.", verdict.model_id, verdict.why)
