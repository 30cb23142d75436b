"""Telling Airflow that a model is ready, by the outlets that the DAG's author gave the task."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_provider_dreambooth.api.refusal import refuse
from airflow_provider_dreambooth.assets.ready_model import ReadyModel
from airflow_provider_dreambooth.assets.uri import SCHEME, model_uri
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.training.fingerprint import service_host

#: XCom with what a training is made of, for tasks that know its id alone.
FACTS_KEY = "training_facts"


def refuse_early_outlets(outlets: Iterable[Any]) -> None:
    """
    Refuse a model as the outlet of a task that only starts the training.

    :raises DreamboothValidationError: Airflow would announce the model when the training has just begun.
    """
    for outlet in outlets:
        uri = str(getattr(outlet, "uri", ""))
        if uri.startswith(f"{SCHEME}://"):
            raise refuse(
                "outlets",
                f"names the model {uri}, but this task ends when the training has only started",
                "Set wait_for_completion=True, or give the outlet to the sensor that waits for the training",
            )


def service_facts(settings: Any) -> dict[str, str]:
    """
    Return which service has a training.

    :param settings: the connection's settings.
    """
    return {"host": service_host(settings.base_url), "environment": str(settings.environment)}


def training_facts(operator: Any, requested_at: float | None = None) -> dict[str, Any]:
    """
    Return what a training is made of, without pictures, parameters and anything secret.

    :param operator: the training operator, rendered.
    :param requested_at: when the paid request went out, epoch seconds.
    """
    facts = {
        **service_facts(operator.hook.settings),
        "method": operator.method,
        "instance_prompt": operator.instance_prompt,
        "class_prompt": operator.class_prompt,
        "base_model_id": operator.base_model_id,
    }
    known = {name: str(value) for name, value in facts.items() if value not in (None, "", "None", "null")}
    return known if requested_at is None else {**known, "requested_at": requested_at}


def announce(
    context: Mapping[str, Any], outlets: Iterable[Any], training_id: str, facts: Mapping[str, Any], began: Any
) -> ReadyModel:
    """
    Put the event of a ready model into the task's outlets; Airflow sends it when the task has succeeded.

    :param context: the task's context.
    :param outlets: the task's outlets: an alias gets an asset of the model's own, an asset the model's facts.
    :param training_id: the training.
    :param facts: :func:`training_facts`, as far as known; ``host`` and ``environment`` at least.
    :param began: when the training began, epoch seconds; ``None`` when it was ready before this task looked.
    """
    now = time.time()
    model = ReadyModel(
        training_id=training_id,
        host=str(facts["host"]),
        environment=str(facts["environment"]),
        method=facts.get("method"),
        instance_prompt=facts.get("instance_prompt"),
        class_prompt=facts.get("class_prompt"),
        base_model_id=facts.get("base_model_id"),
        seconds=None if began is None else round(max(0.0, now - began), 1),
        ready_at=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
    )
    uri = model_uri(training_id, f"//{model.host}")
    compat.add_asset_events(context, outlets, uri, model.to_extra())
    return model


def known_facts(context: Mapping[str, Any], operator: Any, training_id: str) -> dict[str, Any]:
    """
    Find what the task that started a training wrote about it, among the tasks right before this one.

    :return: nothing when it was started elsewhere.
    """
    upstream = sorted(getattr(operator, "upstream_task_ids", ()))
    if not upstream:
        return {}
    found = context["ti"].xcom_pull(task_ids=upstream, key=FACTS_KEY)
    several = isinstance(found, Iterable) and not isinstance(found, (Mapping, str))
    for facts in found if several else [found]:
        if isinstance(facts, Mapping) and facts.get("training_id") == training_id:
            return dict(facts)
    return {}
