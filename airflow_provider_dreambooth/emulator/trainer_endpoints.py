# SPDX-License-Identifier: Apache-2.0
"""The v6 trainer: start, status and stop. Published without the answer to a start, so that one is invented."""

from __future__ import annotations

from typing import Any

from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.call import Call
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.training_endpoints import cancel, planned
from airflow_provider_dreambooth.emulator.validation import trainer_problems
from airflow_provider_dreambooth.emulator.vocabulary import (
    BASE_OF_FAMILY,
    MODEL_READY,
    TRAINER_V6,
    TRAINING_CANCELLED,
    TRAINING_COMPLETED,
    TRAINING_FAILED,
    TRAINING_STARTED,
    family_of_trainer,
)


def start(service: Service, call: Call) -> Answer:
    """Serve `v6/trainer/train`."""
    answers = service.answers
    problems = trainer_problems(call.body)
    if problems:
        return answers.invalid(problems)
    if service.is_out_of_credits(call.account):
        return answers.no_credits()
    training = planned(service, call)
    service.accept(training)
    ids = {service.options.trainer_id_key: training.training_id}
    return answers.json({"status": "success", answers.key("message"): TRAINING_STARTED, **ids})


def status(service: Service, call: Call) -> Answer:
    """Serve `v6/trainer/status/{id}`."""
    answers = service.answers
    training = service.own_training(call.ident, call.account, TRAINER_V6)
    if training is None:
        return answers.error(404, "Training request not found.")
    training.status_polls += 1
    stage = training.stage(service.clock.now())
    data: dict[str, Any] = {"id": training.training_id, "trainer_id": training.body["trainer_id"]}
    if stage == TRAINING_FAILED:
        # Documented so: `training_cancelled` is a failure, and a run that its owner stopped is completed.
        data.update(status=TRAINING_CANCELLED, response_dump=training.fail_reason)
    elif stage == TRAINING_CANCELLED:
        data.update(status=TRAINING_COMPLETED, inference=None)
    elif stage == TRAINING_STARTED:
        data.update(status=TRAINING_STARTED)
    else:
        data.update(status=TRAINING_COMPLETED, inference=_inference(training, stage, call.base_url))
    return answers.json({"status": "success", answers.key("message"): data["status"], "data": data})


def _inference(training: Training, stage: str, base_url: str) -> dict[str, Any]:
    if stage != MODEL_READY:
        return {"status": "pending"}
    word = training.body.get("trigger_word") or training.body.get("instance_prompt") or "photo"
    return {
        "status": "ready",
        "method": "POST",
        "url": f"{base_url}/api/v6/images/text2img",
        "request": {
            "model_id": BASE_OF_FAMILY[family_of_trainer(str(training.body["trainer_id"]))],
            "lora_model": training.training_id,
            "lora_strength": "1",
            "prompt": word,
            "width": "1024",
            "height": "1024",
            "samples": "1",
            "num_inference_steps": "20",
        },
    }


def stop(service: Service, call: Call) -> Answer:
    """Serve `v6/trainer/stop`."""
    answers = service.answers
    training = service.own_training(str(call.body.get("training_id") or ""), call.account, TRAINER_V6)
    if training is None:
        return answers.error(404, "Training request not found.")
    if training.stage(service.clock.now()) != TRAINING_STARTED:
        return answers.error(400, "Training has already finished.")
    cancel(service, training)
    return answers.json({"status": "success", answers.key("message"): "training stopped"})
