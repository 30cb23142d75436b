# SPDX-License-Identifier: Apache-2.0
"""The XCom ``training`` of the running task: begun, brought up to date and ended by operator and sensor alike."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.links.dreambooth import show_training
from airflow_provider_dreambooth.training import messages, summary
from airflow_provider_dreambooth.training.announcement import announce
from airflow_provider_dreambooth.training.summary import SUMMARY_KEY, Replaced, TrainingSummary

if TYPE_CHECKING:
    from airflow_provider_dreambooth.training.event import WaitEnded
    from airflow_provider_dreambooth.training.record import Record

#: State in the summary for each status of a wait.
_STATES = {
    "success": summary.READY,
    "failed": summary.FAILED,
    "cancelled": summary.CANCELLED,
    "timeout": summary.TIMED_OUT,
    "error": summary.FAILED,
}


def show(operator: Any, task_instance: Any, shown: TrainingSummary) -> None:
    """Push the summary and keep it for the lineage of the task."""
    operator.training_summary = shown
    task_instance.xcom_push(key=SUMMARY_KEY, value=shown.to_json())


def show_known(
    operator: Any, task_instance: Any, training_id: str, *, before: Record | None, record: Record | None
) -> None:
    """
    Show the training of a training task as soon as its id is known.

    :param operator: the training operator, rendered.
    :param task_instance: the running task instance.
    :param training_id: the training.
    :param before: the record that earlier tries left.
    :param record: the record now.
    """
    money, replaced = _money(before, record)
    show_training(operator, task_instance, operator.hook.settings.base_url, training_id)
    known = replace(
        _of_connection(operator, training_id),
        money=money,
        replaced=replaced,
        images=tuple(summary.links_without_query(operator.images)),
        requested_at=record.intent_at if record else None,
        parameters=getattr(operator, "shown_parameters", operator.parameters) or {},
        method=_text(operator.method),
        instance_prompt=_text(operator.instance_prompt),
        class_prompt=_text(operator.class_prompt),
        training_type=_text(operator.training_type),
        base_model_id=_text(operator.base_model_id),
        max_train_steps=_text(operator.max_train_steps),
    )
    show(operator, task_instance, known)


def _text(value: Any) -> str | None:
    # A template whose source is empty renders to the word.
    return None if value in (None, "", "None", "null") else str(value)


def _money(before: Record | None, record: Record | None) -> tuple[str, Replaced | None]:
    """Tell from the records whether the training was paid by this try."""
    if record is not None and record.adopted and (before is None or before.training_id != record.training_id):
        return summary.ADOPTED, None
    if before is None or record is None or before.intent_at != record.intent_at:
        earlier = before.known if before is not None else None
        replaced = earlier.training_id if earlier is not None else None
        return summary.ACCEPTED, Replaced(replaced, cancelled=False) if replaced else None
    return summary.REUSED if before.max_tries != record.max_tries else summary.REATTACHED, None


def show_cancelled(operator: Any, task_instance: Any, training_id: str, *, earlier: str) -> None:
    """
    Show that the training which was replaced is cancelled.

    :param operator: the training operator.
    :param task_instance: the running task instance.
    :param training_id: the training that the task is about.
    :param earlier: the one that it has replaced.
    """
    known = current(operator, task_instance, training_id)
    show(operator, task_instance, replace(known, replaced=Replaced(earlier, cancelled=True)))


def of_sensor(operator: Any, context: Mapping[str, Any], training_id: str) -> TrainingSummary:
    """
    Return what the sensor knows at first: its connection, and what the task right before it wrote of the training.

    :param operator: the sensor.
    :param context: the task's context.
    :param training_id: the training.
    """
    own = _of_connection(operator, training_id)
    upstream = sorted(getattr(operator, "upstream_task_ids", ()))
    if not upstream:
        return own
    found = context["ti"].xcom_pull(task_ids=upstream, key=SUMMARY_KEY)
    several = isinstance(found, Iterable) and not isinstance(found, (Mapping, str))
    for value in found if several else [found]:
        known = TrainingSummary.from_json(value)
        if known is not None and known.training_id == training_id:
            return replace(
                known,
                connection=own.connection,
                service=own.service,
                environment=own.environment,
                state=summary.RUNNING,
                money=None,
                replaced=None,
                stages=(),
                eta_at=None,
                ended_at=None,
                reason=None,
                next_step=None,
            )
    return own


def current(operator: Any, task_instance: Any, training_id: str) -> TrainingSummary:
    """
    Return the task's own summary, also after a deferral.

    :param operator: operator or sensor.
    :param task_instance: the running task instance.
    :param training_id: the training; what was written about another one is not taken.
    """
    held: TrainingSummary | None = operator.training_summary
    if held is None:
        index = getattr(task_instance, "map_index", None)
        held = TrainingSummary.from_json(
            task_instance.xcom_pull(
                task_ids=task_instance.task_id, key=SUMMARY_KEY, map_indexes=-1 if index is None else index
            )
        )
    if held is not None and held.training_id == training_id:
        return held
    return TrainingSummary(training_id, connection=operator.dreambooth_conn_id)


def conclude(operator: Any, context: Any, ended: WaitEnded) -> None:
    """
    Show how the wait ended; announce a ready model in the task's outlets.

    :param operator: operator or sensor.
    :param context: the task's context.
    :param ended: how the wait ended.
    """
    known = current(operator, context["ti"], ended.training_id)
    state = _STATES[ended.status]
    last = replace(known, stages=ended.stages or known.stages).ended(
        state,
        time.time(),
        reason=None if state == summary.READY else ended.reason or ended.message,
        next_step=messages.next_step(ended.status, cause_is_permanent=ended.cause_is_permanent),
    )
    show(operator, context["ti"], last)
    if ended.status != "success" or not operator.outlets:
        return
    if last.service is None:
        of_connection = _of_connection(operator, ended.training_id)
        last = replace(last, service=of_connection.service, environment=of_connection.environment)
    announce(context, operator.outlets, last)


def _of_connection(operator: Any, training_id: str) -> TrainingSummary:
    settings = operator.hook.settings
    return TrainingSummary(
        training_id=training_id,
        connection=operator.dreambooth_conn_id,
        service=settings.base_url,
        environment=str(settings.environment),
    )
