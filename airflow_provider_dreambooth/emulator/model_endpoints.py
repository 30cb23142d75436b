# SPDX-License-Identifier: Apache-2.0
"""Calls about models that exist: reload and the public list."""

from __future__ import annotations

from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.call import Call
from airflow_provider_dreambooth.emulator.listing import list_item
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.vocabulary import MODEL_READY, PUBLIC_MODELS


def model_reload(service: Service, call: Call) -> Answer:
    """Serve reload under both paths. The shape is today's; `processing` until it is loaded is invented."""
    answers, now = service.answers, service.clock.now()
    model_id = str(call.body.get("model_id") or "")
    if not model_id:
        return answers.invalid({"model_id": [("The model id field is required.", "model_id is required")]})
    key = answers.key("message")
    training = service.own_training(model_id, call.account)
    if training is None or training.stage(now) != MODEL_READY:
        if model_id in PUBLIC_MODELS:
            return answers.json({"status": "success", key: "Model is loaded"})
        return answers.model_not_found(model_id)
    if training.is_loaded(now, service.options.idle_unload):
        training.last_used_at = now
        return answers.json({"status": "success", key: "Model is loaded"})
    if training.reload_until is None or now >= training.reload_until:
        training.reload_until = now + service.options.reload_seconds()
    if now >= training.reload_until:
        return answers.json({"status": "success", key: "Model is loaded"})
    return answers.json({"status": "processing", key: "Model is loading, it will take upto 2 minutes"})


def model_list(service: Service, call: Call) -> Answer:
    """Serve the public list: a bare array, its items with the fourteen keys observed in July 2025."""
    return service.answers.json(
        [
            list_item(model_id, "model_ready", "2023-01-01T00:00:00.000000Z", model_name=name, featured="no")
            for model_id, (name, _) in PUBLIC_MODELS.items()
        ]
    )
