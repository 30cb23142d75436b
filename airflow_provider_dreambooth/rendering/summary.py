# SPDX-License-Identifier: Apache-2.0
"""
The XCom ``rendering``: what people, the UI page and later tasks may know of a rendering, in one value.

Pushed when the request is accepted and again at its end. Nothing that decides about money reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.rendering.record import RenderingRecord
from airflow_provider_dreambooth.training.record import as_text

#: Key of the XCom.
RENDERING_SUMMARY_KEY = "rendering"
VERSION = 1
PROCESSING, READY, FAILED, TIMED_OUT = "processing", "ready", "failed", "timed_out"
#: Billed in this try, or by an earlier one.
ACCEPTED, REATTACHED = "accepted", "re-attached"
#: Characters of one text.
_LONGEST_TEXT = 2000


def summary_of(
    request: TextToImageRequest,
    record: RenderingRecord | None,
    *,
    state: str,
    money: str | None,
    connection: str,
    service: str,
    files: Sequence[str] | None,
    ended_at: float | None,
    reason: str | None,
    next_step: str | None,
) -> dict[str, Any]:
    """
    Return the XCom's value; what is not known is ``None``.

    :param request: what was asked for.
    :param record: what is remembered of it, ``None`` before it was accepted.
    :param state: ``processing``, ``ready``, ``failed`` or ``timed_out``.
    :param money: ``accepted`` (billed in this try), ``re-attached`` (billed by an earlier try), ``None`` when nothing was
        accepted.
    :param connection: id of the connection.
    :param service: base URL.
    :param files: URIs of the saved images, ``None`` when they are not to be saved.
    :param ended_at: when the end was seen, epoch seconds.
    :param reason: why there are no images.
    :param next_step: what a person can do then.
    """
    return {
        "version": VERSION,
        "request_id": None if record is None else record.request_id,
        "state": state,
        "money": money,
        "connection": connection,
        "service": service,
        "inference_api": None if record is None else str(record.inference_api),
        "model_id": request.model_id,
        "lora_model": ",".join(request.lora_models) or None,
        "prompt": _cut(request.prompt),
        "negative_prompt": _cut(request.negative_prompt),
        "seed": request.seed if record is None or record.seed is None else record.seed,
        "images": [] if record is None else list(record.urls),
        "files": None if files is None else list(files),
        "requested_at": None if record is None else as_text(record.at),
        "ended_at": as_text(ended_at),
        "reason": _cut(reason),
        "next_step": _cut(next_step),
    }


def next_step(error: DreamboothError) -> str:
    """
    Return what a person can do after an error.

    :param error: how the task ended.
    """
    if error.permanent:
        return "Correct what the reason names, then clear the task."
    return "Nothing while the task has retries left; after the last one, clear the task."


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
