"""What operator and sensor show and tell of a training: links, facts, and the asset event of a model that is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.links.dreambooth import show_training

if TYPE_CHECKING:
    from airflow_provider_dreambooth.assets.ready_model import ReadyModel
    from airflow_provider_dreambooth.training.event import WaitEnded
    from airflow_provider_dreambooth.training.record import Record
    from airflow_provider_dreambooth.training.task_record import TaskRecord


def training_known(operator: Any, record: TaskRecord, training_id: str) -> None:
    """
    Push all that the training task's page and later tasks need, the id first.

    :param operator: the training operator.
    :param record: the task's record, which holds the id already.
    :param training_id: the training.
    """
    from airflow_provider_dreambooth.assets.announcement import FACTS_KEY, training_facts

    operator.lineage_training_id = training_id
    record.announce(training_id)
    show_training(operator, record.task_instance, operator.hook.settings.base_url, training_id)
    known = record.load()
    facts = training_facts(operator, known.intent_at if known else None)
    record.task_instance.xcom_push(key=FACTS_KEY, value={"training_id": training_id, **facts})


def trained(operator: Any, context: Any, ended: WaitEnded, record: Record | None) -> ReadyModel | None:
    """
    Tell of a model that the training operator has waited for.

    :param operator: the training operator.
    :param context: the task's context.
    :param ended: how waiting ended: well.
    :param record: the record as it was before; a training that was ready before took no time of this try.
    """
    operator.lineage_training_id, operator.lineage_stages = ended.training_id, ended.stages
    if not operator.outlets:
        return None
    from airflow_provider_dreambooth.assets.announcement import announce, training_facts

    began = record.intent_at if record is not None and record.ending is None else None
    return announce(context, operator.outlets, ended.training_id, training_facts(operator), began)


def watched(operator: Any, context: Any, ended: WaitEnded) -> ReadyModel | None:
    """
    Tell of a model that the sensor has waited for.

    :param operator: the sensor.
    :param context: the task's context.
    :param ended: how waiting ended: well.
    """
    operator.lineage_training_id, operator.lineage_stages = ended.training_id, ended.stages
    if not operator.outlets:
        return None
    from airflow_provider_dreambooth.assets.announcement import announce, known_facts, service_facts

    known = known_facts(context, operator, ended.training_id)
    seen = ended.stages[0][1] if len(ended.stages) > 1 else None
    facts = {**known, **service_facts(operator.hook.settings)}
    return announce(context, operator.outlets, ended.training_id, facts, known.get("requested_at", seen))
