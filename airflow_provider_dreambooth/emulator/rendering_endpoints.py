# SPDX-License-Identifier: Apache-2.0
"""Calls that render with a model: render and fetch, in v3, v4 and v6."""

from __future__ import annotations

import hashlib
from typing import Any

from airflow_provider_dreambooth.emulator import rendering_answers
from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.call import Call
from airflow_provider_dreambooth.emulator.rendering import Rendering, new_prefix
from airflow_provider_dreambooth.emulator.service import Service, without_secrets
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.training_endpoints import usable_images
from airflow_provider_dreambooth.emulator.validation import inference_problems
from airflow_provider_dreambooth.emulator.vocabulary import (
    MOST_STEPS_V6,
    PUBLIC_MODELS,
)


def _number(value: Any, default: float) -> float:
    return default if value is None or value == "" else float(value)


def _whole(value: Any) -> int:
    """Read a whole number to its last digit, which a float would lose; `5.0` and `1e3` are whole too."""
    try:
        return int(value)
    except ValueError:
        return int(float(value))


def _loras(body: dict[str, Any]) -> list[str]:
    return [name.strip() for name in str(body.get("lora_model") or "").split(",") if name.strip()]


def _own_models(service: Service, call: Call) -> tuple[list[str], list[Training]]:
    """Return the unusable model ids of a request, and the account's own trainings among the usable."""
    now, missing, own = service.clock.now(), [], []
    for name in (str(call.body["model_id"]), *_loras(call.body)):
        if name in PUBLIC_MODELS:
            continue
        # Invented: models trained in the sandbox render here like any other.
        training = service.own_training(name, call.account)
        if training is None or not training.is_loaded(now, service.options.idle_unload):
            missing.append(name)
        else:
            own.append(training)
    return missing, own


def _unfit_lora(service: Service, call: Call, own: list[Training]) -> str:
    """Return why a LoRA does not fit the base model; only public base models have a known family."""
    base = str(call.body["model_id"])
    if base not in PUBLIC_MODELS or service.options.any_lora:
        return ""
    for training in own:
        if training.family() not in ("", PUBLIC_MODELS[base][1]):
            return f"lora_model {training.training_id} does not fit {base}"
    return ""


def text_to_image(service: Service, call: Call) -> Answer:
    """Serve v3 and v4 `dreambooth` and v6 `text2img`."""
    answers, body, wishes = service.answers, call.body, call.wishes()
    problems = inference_problems(call.endpoint, body)
    if problems:
        return answers.invalid(problems)
    missing, own = _own_models(service, call)
    if missing:
        return answers.model_not_found(missing[0])
    unfit = _unfit_lora(service, call, own)
    if unfit:
        return answers.error(400, unfit)
    if "[fail]" in str(body["prompt"]):
        return answers.failed_try_again()
    now = service.clock.now()
    for training in own:
        training.last_used_at = now
    subject = own[-1] if own else None
    number = service.next_rendering_id()
    steps = int(_number(body.get("num_inference_steps"), 20 if call.endpoint == "text_to_image_v3" else 31))
    drawn_seed = int(hashlib.sha256(str(number).encode()).hexdigest()[:8], 16)
    seed = drawn_seed if body.get("seed") in (None, "") else _whole(body["seed"])
    rendering = Rendering(
        rendering_id=number,
        account=call.account,
        endpoint=call.endpoint,
        model_id=str(body["model_id"]),
        training_id=subject.training_id if subject else "",
        subject=str(subject.body.get("instance_prompt") or "") if subject else "",
        images=tuple(usable_images(service, subject.body["images"])) if subject else (),
        prompt=str(body["prompt"]),
        seed=seed,
        samples=int(_number(body.get("samples"), 1)),
        width=int(_number(body.get("width"), 512)),
        height=int(_number(body.get("height"), 512)),
        steps=min(steps, MOST_STEPS_V6) if rendering_answers.is_v6(call.endpoint) else steps,
        prefix=new_prefix(number),
        base_url=call.base_url,
        created_at=now,
        ready_at=now + call.wished_number("render", service.options.render),
        body=without_secrets(body),
        nsfw=bool(wishes.get("nsfw", service.options.nsfw)),
        fails=wishes.get("fail_at") == "fetch" or "[fail on fetch]" in str(body["prompt"]),
        late_links=int(call.wished_number("late_links", service.options.late_links)),
    )
    service.add_rendering(rendering)
    service.printer.line(
        f"rendering {number} of {rendering.training_id or rendering.model_id}: {rendering.prompt[:60]}"
    )
    if now < rendering.ready_at:
        return rendering_answers.processing(answers, rendering, now, call.endpoint)
    return answers.failed_try_again() if rendering.fails else rendering_answers.finished(answers, rendering)


def fetch_image(service: Service, call: Call) -> Answer:
    """Serve fetch: id in the path (v3, v6) or `request_id` in the body (v4, v6)."""
    wanted = call.ident or str(call.body.get("request_id") or "")
    rendering = (
        service.renderings.get(int(wanted))
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 20
        else None
    )
    answers, now = service.answers, service.clock.now()
    if rendering is None or rendering.account != call.account:
        return rendering_answers.not_found(answers, call.endpoint)
    if now < rendering.ready_at:
        return rendering_answers.processing(answers, rendering, now, call.endpoint)
    if rendering.fails:
        return answers.failed_try_again()
    return rendering_answers.fetched(answers, rendering, call.endpoint)
