"""The operator that keeps the newest models of each subject and deletes the rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothNotFoundError
from airflow_provider_dreambooth.operators.report_only import reports_only
from airflow_provider_dreambooth.runtime.errors import for_airflow

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.housekeeping.selection import Candidate, Rules, Verdict
    from airflow_provider_dreambooth.housekeeping.use import Use


class DreamboothKeepNewestModelsOperator(BaseOperator):
    """
    Keep the newest models of each subject and delete the rest, for good. Deleting is free.

    Which model shows which subject the service does not tell. It is read from the asset events of ready models: name
    the alias that your trainings have in their ``outlets`` in the ``inlets`` of this task, and models with the same
    instance prompt are one subject. Or name models of one subject yourself in ``model_ids``. A model that
    neither tells of is never touched.

    Never deleted is a model that was rendered with, or got ready, within ``unused_for``; and none at all while a DAG
    of ``rendering_dags`` runs. Running it again does no harm.

    .. note::
        Uses are marked by :class:`DreamboothTextToImageOperator` of this Airflow. Who renders from elsewhere, or
        later in a run than ``unused_for``, is protected by ``rendering_dags`` and ``pinned`` alone.

    :param keep: how many of the newest models of each subject to keep, 1 or more. Templated.
    :param model_ids: models of one subject, oldest first, instead of ``inlets``. Templated.
    :param subject: only models with this instance prompt may go; ``None`` for every subject. Templated.
    :param unused_for: seconds or timedelta; default one day.
    :param rendering_dags: ids of DAGs; while one of them has a queued or running run, nothing is deleted. Templated.
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
        model_ids: Any = None,
        subject: str | None = None,
        unused_for: float | timedelta = timedelta(days=1),
        rendering_dags: Sequence[str] = (),
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

    def execute(self, context: Context) -> list[str]:
        """Decide about each known model, and delete those that nothing speaks for."""
        from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

        try:
            return self._execute(context, DreamboothHook(self.dreambooth_conn_id))
        except DreamboothError as error:
            raise for_airflow(error) from error.__cause__

    def _rules(self) -> Rules:
        from airflow_provider_dreambooth.api.refusal import refuse
        from airflow_provider_dreambooth.housekeeping.selection import Rules

        try:
            keep = int(self.keep)
        except (TypeError, ValueError):
            keep = 0
        if keep < 1:
            raise refuse("keep", f"is {self.keep!r}", "Give a whole number of 1 or more")
        for name in ("rendering_dags", "pinned", "model_ids"):
            if isinstance(getattr(self, name), (str, bytes)):
                raise refuse(name, "is a single text", f"Write a list: {name}=[...]")
        unused = self.unused_for
        seconds = unused.total_seconds() if isinstance(unused, timedelta) else float(unused)
        return Rules(keep, seconds, frozenset(str(item) for item in self.pinned or ()), self.subject or None)

    def _execute(self, context: Context, hook: DreamboothHook) -> list[str]:
        from airflow_provider_dreambooth.housekeeping.selection import choose
        from airflow_provider_dreambooth.housekeeping.use import Use
        from airflow_provider_dreambooth.runtime import compat, variables
        from airflow_provider_dreambooth.training.fingerprint import service_host

        rules, report_only = self._rules(), reports_only(self.report_only)
        host = service_host(hook.settings.base_url)
        candidates = self._candidates(context, host)
        busy = compat.dags_with_runs(context["ti"], self.rendering_dags or ())
        if busy:
            self.log.info("%s running: nothing is deleted this time.", ", ".join(busy))
            return []
        listed = hook.list_models() if hook.environment.has_model_list else None
        existing = None if listed is None else frozenset(model.model_id for model in listed if model.model_id)
        use = Use(variables.accessor(), host)
        verdicts = [
            self._carry_out(verdict, hook, use, rules, report_only=report_only)
            for verdict in choose(candidates, rules, existing=existing, now=time.time())
        ]
        context["ti"].xcom_push(key="verdicts", value=[verdict.to_json() for verdict in verdicts])
        gone = [verdict.model_id for verdict in verdicts if verdict.delete]
        self.log.info(
            "%d of %d known models %s.",
            len(gone),
            len(verdicts),
            "would be deleted (report_only)" if report_only else "deleted",
        )
        return gone

    def _candidates(self, context: Context, host: str) -> list[Candidate]:
        from datetime import datetime

        from airflow_provider_dreambooth.api.refusal import refuse
        from airflow_provider_dreambooth.assets import ready_models
        from airflow_provider_dreambooth.housekeeping.selection import NAMED_BY_HAND, Candidate

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

    def _carry_out(
        self, verdict: Verdict, hook: DreamboothHook, use: Use, rules: Rules, *, report_only: bool
    ) -> Verdict:
        from dataclasses import replace

        if verdict.delete:
            # Asked for right before the deletion: a rendering may have begun a moment ago.
            last = use.last(verdict.model_id)
            if last is not None and time.time() - last[0] < rules.unused_for:
                verdict = replace(verdict, delete=False, why=f"it is in use: {last[1]}")
        if not verdict.delete:
            self.log.info("Model %s stays: %s.", verdict.model_id, verdict.why)
        elif report_only:
            self.log.info("Model %s would be deleted: %s.", verdict.model_id, verdict.why)
        else:
            self._delete(verdict, hook, use)
        return verdict

    def _delete(self, verdict: Verdict, hook: DreamboothHook, use: Use) -> None:
        try:
            hook.delete_model(verdict.model_id)
        except DreamboothNotFoundError:
            self.log.info("Model %s is gone already.", verdict.model_id)
        else:
            self.log.info("Model %s is deleted: %s.", verdict.model_id, verdict.why)
        use.forget(verdict.model_id)
