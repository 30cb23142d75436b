# SPDX-License-Identifier: Apache-2.0
"""Training calls: start, status, cancel, list, delete and buy."""

from __future__ import annotations

import datetime
import re
import uuid
from typing import Any

from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.call import Call
from airflow_provider_dreambooth.emulator.listing import list_item
from airflow_provider_dreambooth.emulator.own_images import own_image_path
from airflow_provider_dreambooth.emulator.service import Service, without_secrets
from airflow_provider_dreambooth.emulator.stage_plan import StagePlan, Wording
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.validation import training_problems
from airflow_provider_dreambooth.emulator.vocabulary import (
    DEPLOYING_GPU,
    ENVIRONMENT_OF_ENDPOINT,
    FEWEST_USABLE_IMAGES,
    METHOD_OF_ENDPOINT,
    MODEL_READY,
    PRODUCTION,
    SANDBOX,
    TOO_FEW_IMAGES,
    TRAINER_V6,
    TRAINING_CANCELLED,
    TRAINING_FAILED,
    TRAINING_STARTED,
)

_WEB_LINK = re.compile(r"https?://[^\s/?#]+\S*\Z", re.IGNORECASE)


def usable_images(service: Service, images: list[str]) -> list[str]:
    """Return the links a trainer could use: the emulator's own must exist, others must only be web links.

    :param images: the request's links.
    """
    links = (link.strip() for link in images)
    return [link for link in links if _WEB_LINK.match(link) and own_image_path(service, link) is not None]


def start_training(service: Service, call: Call) -> Answer:
    """Serve the four endpoints that start a training."""
    options, answers = service.options, service.answers
    problems = training_problems(call.endpoint, call.body, options)
    if problems:
        return answers.invalid(problems)
    if service.is_out_of_credits(call.account):
        return answers.no_credits()
    training = planned(service, call)
    service.accept(training)
    message, data = DEPLOYING_GPU, training.log(DEPLOYING_GPU)
    ids = {"training_id": training.training_id, "model_id": training.training_id}
    if options.create_ids != "both":
        ids = {options.create_ids: training.training_id}
    return answers.success(message, data=data, **ids)


def planned(service: Service, call: Call) -> Training:
    """Return a new training with its plan.

    :param call: the call that starts it; its body has been checked.
    """
    options, wishes = service.options, call.wishes()
    method = METHOD_OF_ENDPOINT[call.endpoint]
    training_id = str(uuid.uuid4()) if method == TRAINER_V6 else service.new_training_id()
    duration = call.wished_number("duration", 0) or service.duration_of(training_id)
    plan = StagePlan.of(method, duration)
    training = Training(
        training_id=training_id,
        account=call.account,
        endpoint=call.endpoint,
        environment=ENVIRONMENT_OF_ENDPOINT.get(call.endpoint, PRODUCTION),
        method=method,
        body=without_secrets(call.body),
        created_at=service.clock.now(),
        plan=plan,
        wording=Wording(
            separator=str(wishes.get("separator", options.separator)),
            source=str(wishes.get("log_text", options.log_text)),
            unit=options.eta_unit,
            factor=call.wished_number("eta_factor", options.eta_factor),
        ),
    )
    fail_at = wishes.get("fail_at")
    if fail_at in plan.stages and fail_at != MODEL_READY:
        training.fail_after = plan.moment_within(fail_at, 0.5)
        training.fail_reason = str(wishes.get("reason") or "Training Failed:  CUDA out of memory")
    elif len(usable_images(service, call.body["images"])) < FEWEST_USABLE_IMAGES:
        training.fail_after = plan.moment_within(TRAINING_STARTED, 0.1)
        training.fail_reason = TOO_FEW_IMAGES
    if wishes.get("freeze_at") in plan.stages:
        training.frozen_at = str(wishes["freeze_at"])
    return training


def training_status(service: Service, call: Call) -> Answer:
    """Serve the status endpoints. Bodies are built once a stage and kept."""
    environment = SANDBOX if call.endpoint == "sandbox_fine_tune_status" else PRODUCTION
    training = service.own_training(call.ident, call.account, environment)
    if training is None:
        return service.answers.training_not_found()
    training.status_polls += 1
    stage = training.stage(service.clock.now())
    served = training.served.get(stage)
    if served is None:
        answer = _status_answer(service, training, stage)
        training.served[stage] = served = (answer.http_status, answer.body)
    return Answer(*served)


def _status_answer(service: Service, training: Training, stage: str) -> Answer:
    options, answers = service.options, service.answers
    key = answers.key("messege") if options.stage_key == "messege" else options.stage_key
    if stage == TRAINING_FAILED and options.failed_style != "stage":
        return answers.json({"status": options.failed_style, key: training.fail_reason, "data": ""})
    if stage == TRAINING_CANCELLED:
        if options.cancelled_style == "not_found":
            return answers.training_not_found()
        if options.cancelled_style == "error":
            return answers.json({"status": "error", key: "Training was cancelled", "data": ""})
        return answers.json({"status": "success", key: options.cancelled_style, "data": training.log(stage)})
    return answers.json({"status": "success", key: stage, "data": training.log(stage)})


def cancel_training(service: Service, call: Call) -> Answer:
    """Serve both spellings of cancel. The shape is documented today; the texts are invented."""
    training = service.own_training(call.ident, call.account, PRODUCTION)
    if training is None:
        return service.answers.training_not_found()
    now = service.clock.now()
    if training.stage(now) in (MODEL_READY, TRAINING_FAILED):
        return service.answers.error(400, "Training has already finished.", "messege", data="")
    cancel(service, training)
    return service.answers.success("Training cancelled", data=training.training_id)


def cancel(service: Service, training: Training) -> None:
    """Cancel a training that is still running; a second time changes nothing."""
    if training.cancelled_at is None:
        now = service.clock.now()
        training.cancelled_at = now
        training.end(TRAINING_CANCELLED, now)
        service.announce(training)


def list_models(service: Service, call: Call) -> Answer:
    """Serve `finetune_list`: the account's production trainings, oldest first."""
    options, now = service.options, service.clock.now()
    ready_only = options.list_shows == "ready"
    shown = [
        training
        for training in service.trainings.values()
        if training.account == call.account
        and training.environment == PRODUCTION
        and training.is_known()
        and now - training.created_at >= options.list_delay
        and (training.stage(now) == MODEL_READY if ready_only else _is_listed(service, training, now))
    ]
    items: list[Any] = [training.training_id for training in shown]
    if options.list_items == "object":
        items = [_list_row(service, number, training) for number, training in enumerate(shown, 1)]
    return service.answers.success("model list", data=items)


def _is_listed(service: Service, training: Training, now: float) -> bool:
    return service.options.list_running == "yes" or training.is_over(now)


def _list_row(service: Service, number: int, training: Training) -> dict[str, Any]:
    """Return a row with the keys of the public list; where `model_id` is null, `id` is the number of the row."""
    now = service.clock.now()
    created = datetime.datetime.fromtimestamp(training.created_at, datetime.UTC)
    stage = training.stage(now)
    nulls = {"failed": stage == TRAINING_FAILED, "running": not training.is_over(now)}
    row = list_item(
        None if nulls.get(service.options.list_null_ids, False) else training.training_id,
        stage,
        created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        instance_prompt=training.body.get("instance_prompt"),
        model_subcategory="lora" if training.method == "lora" else None,
    )
    return {"id": number, **row} if row["model_id"] is None else row


def delete_model(service: Service, call: Call) -> Answer:
    """Serve delete. Invented: a training that still runs is cancelled first."""
    training = service.own_training(call.ident, call.account, PRODUCTION)
    if training is None:
        return service.answers.training_not_found()
    if not training.is_over(service.clock.now()):
        cancel(service, training)
    training.deleted_at = service.clock.now()
    service.printer.line(f"{training.training_id} deleted")
    return service.answers.success("Model deleted", data=training.training_id)


def buy_model(service: Service, call: Call) -> Answer:
    """Serve the purchase of training credits. The counters' meaning is invented."""
    try:
        quantity = int(call.body.get("quantity") or 0)
    except (TypeError, ValueError, OverflowError):
        quantity = 0
    if quantity < 1:
        return service.answers.invalid(
            {"quantity": [("The quantity field is required.", "quantity is required")]}
        )
    service.purchased.keep(call.account, service.purchased.get(call.account, 0) + quantity)
    used = service.paid(call.account)
    allowed = (42 if service.options.credits is None else service.options.credits) + service.purchased[
        call.account
    ]
    return service.answers.success(
        "Payment was charged successfuly",
        purchased_models=quantity,
        used_models=used,
        available_models=max(0, allowed - used),
    )


def wallet_balance(service: Service, call: Call) -> Answer:
    """Serve the balance. The names are documented, the rest of the answer is invented; it never falls."""
    data = {"balance": service.options.wallet_balance, "currency": "USD"}
    return service.answers.json({"status": "success", "data": data})


def force(service: Service, training: Training, wish: dict[str, Any]) -> None:
    """Do to a training what the control endpoint was asked for.

    :param wish: ``action`` (fail, ready, cancel, vanish, freeze, thaw) with ``reason`` or ``stage``.
    """
    now, action = service.clock.now(), wish.get("action")
    if action == "cancel":
        cancel(service, training)
    elif action == "fail":
        training.fail_reason = str(wish.get("reason") or "Training Failed:  CUDA out of memory")
        training.end(TRAINING_FAILED, now)
    elif action == "ready":
        training.end(MODEL_READY, now)
    elif action == "vanish":
        training.vanished = True
    elif action == "freeze":
        stage = wish.get("stage") or training.stage(now)
        if stage not in training.plan.stages:
            raise ValueError(f"stage must be one of {list(training.plan.stages)}")
        training.frozen_at = stage
    elif action == "thaw":
        training.frozen_at = None
    else:
        raise ValueError("action must be one of fail, ready, cancel, vanish, freeze, thaw")
    service.announce(training)
