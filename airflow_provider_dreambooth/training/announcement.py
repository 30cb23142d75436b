# SPDX-License-Identifier: Apache-2.0
"""Telling Airflow that a model is ready, by the outlets that the DAG's author gave the task."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.fingerprint import service_host
from airflow_provider_dreambooth.api.refusal import refuse
from airflow_provider_dreambooth.assets.ready_model import ReadyModel
from airflow_provider_dreambooth.assets.uri import SCHEME, model_uri
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.training.record import as_text

if TYPE_CHECKING:
    from airflow_provider_dreambooth.training.summary import TrainingSummary


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


def announce(context: Mapping[str, Any], outlets: Iterable[Any], training: TrainingSummary) -> None:
    """
    Put the event of a ready model into the task's outlets; Airflow sends it when the task has succeeded.

    :param context: the task's context.
    :param outlets: the task's outlets: an alias gets an asset of the model's own, an asset the model's facts.
    :param training: what is known of the training, its service at least.
    """
    model = ReadyModel(
        training_id=training.training_id,
        host=service_host(training.service or ""),
        environment=training.environment or "",
        method=training.method,
        instance_prompt=training.instance_prompt,
        class_prompt=training.class_prompt,
        base_model_id=training.base_model_id,
        seconds=training.seconds,
        ready_at=as_text(training.ended_at or time.time()),
    )
    uri = model_uri(training.training_id, f"//{model.host}")
    compat.add_asset_events(context, outlets, uri, model.to_extra())
