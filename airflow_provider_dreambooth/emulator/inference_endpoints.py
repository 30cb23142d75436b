"""Calls after training: render, fetch, reload, upload and the public list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import uuid
from typing import Any

from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.rendering import Rendering
from airflow_provider_dreambooth.emulator.service import Service, without_secrets
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.training_endpoints import Call, usable_images
from airflow_provider_dreambooth.emulator.validation import inference_problems
from airflow_provider_dreambooth.emulator.vocabulary import MODEL_READY, PUBLIC_MODEL_IDS, PUBLIC_MODELS

_LARGEST_UPLOAD = 5 * 1024 * 1024
_CROP_SIDE = 512
# Meta names that are not the request's own names.
_META_NAMES = {
    "width": "W",
    "height": "H",
    "num_inference_steps": "steps",
    "samples": "n_samples",
    "safety_checker": "safetychecker",
    "lora_model": "lora",
    "embeddings_model": "embeddings",
}
_META_DEFAULTS: dict[str, Any] = {
    "negative_prompt": None,
    "guidance_scale": 7.5,
    "safety_checker": "no",
    "scheduler": "UniPCMultistepScheduler",
    "enhance_prompt": "yes",
    "lora_model": None,
    "embeddings_model": None,
    "vae": None,
}


def _number(value: Any, default: float) -> float:
    return default if value is None or value == "" else float(value)


def _own_models(service: Service, call: Call) -> tuple[list[str], list[Training]]:
    """Return the unusable model ids of a request, and the account's own trainings among the usable."""
    names = [str(call.body["model_id"])]
    names += [name.strip() for name in str(call.body.get("lora_model") or "").split(",") if name.strip()]
    now, missing, own = service.clock.now(), [], []
    for name in names:
        if name in PUBLIC_MODEL_IDS:
            continue
        # Invented: models trained in the sandbox render here like any other.
        training = service.own_training(name, call.account)
        if training is None or not training.is_loaded(now, service.options.idle_unload):
            missing.append(name)
        else:
            own.append(training)
    return missing, own


def text_to_image(service: Service, call: Call) -> Answer:
    """Serve v3 and v4 `dreambooth`.

    :param service: the emulator's state.
    :param call: the call.
    """
    answers, body, wishes = service.answers, call.body, call.wishes()
    problems = inference_problems(call.endpoint, body)
    if problems:
        return answers.invalid(problems)
    missing, own = _own_models(service, call)
    if missing:
        return answers.model_not_found(missing[0])
    if "[fail]" in str(body["prompt"]):
        return answers.failed_try_again()
    now = service.clock.now()
    for training in own:
        training.last_used_at = now
    subject = own[-1] if own else None
    number = service.next_rendering_id()
    wait = wishes.get("render", service.options.render)
    late = wishes.get("late_links", service.options.late_links)
    drawn_seed = int(hashlib.sha256(str(number).encode()).hexdigest()[:8], 16)
    seed = drawn_seed if body.get("seed") in (None, "") else int(body["seed"])
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
        steps=int(
            _number(body.get("num_inference_steps"), 31 if call.endpoint == "text_to_image_v4" else 20)
        ),
        prefix=str(uuid.uuid4()),
        base_url=call.base_url,
        created_at=now,
        ready_at=now + (float(wait) if isinstance(wait, int | float) else service.options.render),
        body=without_secrets(body),
        nsfw=bool(wishes.get("nsfw", service.options.nsfw)),
        fails=wishes.get("fail_at") == "fetch" or "[fail on fetch]" in str(body["prompt"]),
        late_links=int(late) if isinstance(late, int) else 0,
    )
    service.add_rendering(rendering)
    service.printer.line(
        f"render {number} of {rendering.training_id or rendering.model_id}: {rendering.prompt[:60]}"
    )
    if now < rendering.ready_at:
        return _processing(service, rendering, first=True)
    return answers.failed_try_again() if rendering.fails else _finished(service, rendering)


def _meta(rendering: Rendering) -> dict[str, Any]:
    request = {**_META_DEFAULTS, **rendering.body}
    request.update(
        width=rendering.width,
        height=rendering.height,
        samples=rendering.samples,
        seed=rendering.seed,
        num_inference_steps=rendering.steps,
        file_prefix=rendering.prefix,
    )
    return {_META_NAMES.get(name, name): value for name, value in request.items() if name != "emulator"}


def _finished(service: Service, rendering: Rendering, fetched: bool = False) -> Answer:
    body: dict[str, Any] = {"status": "success"}
    if not fetched:
        body["generationTime"] = round(rendering.ready_at - rendering.created_at, 2)
    body.update(id=rendering.rendering_id, output=rendering.links())
    if rendering.nsfw:
        body["nsfw_content_detected"] = True
    if not fetched:
        body["meta"] = _meta(rendering)
    return service.answers.json(body)


def _processing(service: Service, rendering: Rendering, first: bool) -> Answer:
    now = service.clock.now()
    body: dict[str, Any] = {
        "status": "processing",
        "eta": round(rendering.ready_at - now, 6),
        service.answers.key("messege"): "Try to fetch request after given estimated time",
        "id": rendering.rendering_id,
        "output": [] if service.options.empty_output == "list" else "",
    }
    if first:
        # A v4 call, too, points at the v3 path.
        body.update(
            tip="Your image is processing in background, you can get this image using fetch API",
            webhook_status="",
            fetch_result=f"{rendering.base_url}/api/v3/dreambooth/fetch/{rendering.rendering_id}",
            future_links=rendering.links(),
            meta=_meta(rendering),
        )
    return service.answers.json(body)


def fetch_image(service: Service, call: Call) -> Answer:
    """Serve both forms of fetch: id in the path (v3) and `request_id` in the body (v4).

    :param service: the emulator's state.
    :param call: the call.
    """
    wanted = call.ident or str(call.body.get("request_id") or "")
    rendering = (
        service.renderings.get(int(wanted))
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 20
        else None
    )
    if rendering is None or rendering.account != call.account:
        # Invented text; the 404 is documented today.
        return service.answers.error(404, "Request not found", "messege")
    if service.clock.now() < rendering.ready_at:
        return _processing(service, rendering, first=False)
    return (
        service.answers.failed_try_again() if rendering.fails else _finished(service, rendering, fetched=True)
    )


def model_reload(service: Service, call: Call) -> Answer:
    """Serve reload under both paths. The shape is today's; `processing` until it is loaded is invented.

    :param service: the emulator's state.
    :param call: the call.
    """
    answers, now = service.answers, service.clock.now()
    model_id = str(call.body.get("model_id") or "")
    if not model_id:
        return answers.invalid({"model_id": [("The model id field is required.", "model_id is required")]})
    key = answers.key("message")
    training = service.own_training(model_id, call.account)
    if training is None or training.stage(now) != MODEL_READY:
        if model_id in PUBLIC_MODEL_IDS:
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


def base64_crop(service: Service, call: Call) -> Answer:
    """Serve the upload. Texts of its errors are invented.

    :param service: the emulator's state.
    :param call: the call.
    """
    from PIL import Image, ImageOps

    answers, image = service.answers, call.body.get("image")
    if not isinstance(image, str) or not image:
        return answers.invalid({"image": [("The image field is required.", "image is required")]})
    encoded = image.partition(",")[2] if image.startswith("data:") else image
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return answers.invalid({"image": [("The image must be base64.", "image must be a base64 data URI")]})
    if len(raw) > _LARGEST_UPLOAD:
        return answers.invalid(
            {"image": [("The image must not be greater than 5 MB.", "image must not be greater than 5 MB")]}
        )
    try:
        with Image.open(io.BytesIO(raw)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except Exception:
        return answers.invalid({"image": [("The image must be an image.", "image must be an image")]})
    if str(call.body.get("crop", "true")).lower() != "false":
        picture = ImageOps.fit(picture, (_CROP_SIDE, _CROP_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    upload = service.add_upload(call.account, buffer.getvalue())
    return answers.success(
        "image uploaded", link=f"{call.base_url}/uploads/{upload.name}.png", request_id=upload.request_id
    )


def model_list(service: Service, call: Call) -> Answer:
    """Serve the public list: a bare array.

    :param service: the emulator's state.
    :param call: the call.
    """
    return service.answers.json(
        [
            {
                "model_id": model_id,
                "status": "model_ready",
                "created_at": "2023-01-01T00:00:00.000000Z",
                "instance_prompt": model_id,
                "model_name": name,
                "description": None,
                "screenshots": "",
            }
            for model_id, name in PUBLIC_MODELS
        ]
    )
