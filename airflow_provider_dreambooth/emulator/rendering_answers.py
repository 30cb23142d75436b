# SPDX-License-Identifier: Apache-2.0
"""The answers to a rendering request, in the form of 2023 (v3, v4) and in today's (v6)."""

from __future__ import annotations

import math
from typing import Any

from airflow_provider_dreambooth.emulator.answers import Answer, Answers
from airflow_provider_dreambooth.emulator.rendering import Rendering

# Meta names that are not the request's own names.
_META_NAMES = {
    "width": "W",
    "height": "H",
    "num_inference_steps": "steps",
    "samples": "n_samples",
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
# Observed in a fetch answer: the address of a developer's machine, which nobody should follow.
_TIP_V6 = (
    "Get 20x faster image generation using enterprise plan. Click here : http://sdapi_backend.test/enterprise"
)


def is_v6(endpoint: str) -> bool:
    """Tell whether an endpoint speaks today's form."""
    return endpoint.endswith("_v6")


def meta(rendering: Rendering) -> dict[str, Any]:
    """Return the effective request under the service's other names."""
    v6 = is_v6(rendering.endpoint)
    request = {**_META_DEFAULTS, **rendering.body}
    request.update(
        width=rendering.width,
        height=rendering.height,
        samples=rendering.samples,
        seed=rendering.seed,
        num_inference_steps=rendering.steps,
        file_prefix=f"{rendering.prefix}.png" if v6 else rendering.prefix,
    )
    names = dict(_META_NAMES)
    if v6:
        request.setdefault("lora_strength", 1)
    else:
        names["safety_checker"] = "safetychecker"
    return {names.get(name, name): value for name, value in request.items() if name != "emulator"}


def finished(answers: Answers, rendering: Rendering) -> Answer:
    """Answer a request that was rendered at once."""
    body: dict[str, Any] = {
        "status": "success",
        "generationTime": round(rendering.ready_at - rendering.created_at, 2),
        "id": rendering.rendering_id,
        "output": rendering.links(),
    }
    if is_v6(rendering.endpoint):
        body.update(
            proxy_links=rendering.links(),
            nsfw_content_detected=rendering.nsfw,
            webhook_status="",
            tip=_TIP_V6,
        )
    elif rendering.nsfw:
        body["nsfw_content_detected"] = True
    return answers.json({**body, "meta": meta(rendering)})


def fetched(answers: Answers, rendering: Rendering, endpoint: str) -> Answer:
    """Answer a fetch of a finished rendering; no source shows `meta` here.

    :param endpoint: the fetch endpoint that was called.
    """
    body: dict[str, Any] = {"status": "success", "id": rendering.rendering_id, "output": rendering.links()}
    if is_v6(endpoint):
        body.update(proxy_links=None, tip=_TIP_V6)
    if rendering.nsfw:
        body["nsfw_content_detected"] = True
    return answers.json(body)


def processing(answers: Answers, rendering: Rendering, now: float, endpoint: str) -> Answer:
    """Answer a rendering request, or a fetch, that is not finished.

    :param endpoint: the endpoint that was called.
    """
    v6, first, number = is_v6(endpoint), endpoint == rendering.endpoint, rendering.rendering_id
    left = rendering.ready_at - now
    if not v6:
        key, text = answers.key("messege"), "Try to fetch request after given estimated time"
    elif first:
        key, text = answers.key("message"), "Try to fetch request after seconds estimated"
    else:
        key, text = answers.key("message"), "Request processing"
    body: dict[str, Any] = {
        "status": "processing",
        key: text,
        "eta": math.ceil(left) if v6 else round(left, 6),
        "id": number,
        "output": answers.no_output(),
    }
    if first:
        # A v4 call, too, points at the v3 path.
        path = "v6/images/fetch" if v6 else "v3/dreambooth/fetch"
        body["fetch_result"] = f"{rendering.base_url}/api/{path}/{number}"
        body["future_links"] = rendering.links()
        body["meta"] = meta(rendering)
        if not v6:
            body["tip"] = "Your image is processing in background, you can get this image using fetch API"
            body["webhook_status"] = ""
    return answers.json(body)


def not_found(answers: Answers, endpoint: str) -> Answer:
    """Deny a request id. The code is documented for v6 (404), the body was observed; 2023's is invented.

    :param endpoint: the fetch endpoint that was called.
    """
    if is_v6(endpoint):
        body = {"id": "", answers.key("message"): "Request not found", "output": "", "tip": _TIP_V6}
        return answers.json({"status": "failed", **body}, answers.http(404))
    return answers.error(404, "Request not found", "messege")
