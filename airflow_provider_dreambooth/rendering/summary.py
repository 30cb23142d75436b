# SPDX-License-Identifier: Apache-2.0
"""
The XCom ``rendering``: what people, the UI page and later tasks may know of a rendering, in one value.

Pushed when the request is accepted and again at its end. Nothing that decides about money reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class RenderingSummary:
    """
    What is known of one rendering; what is not known is ``None``. Times are epoch seconds, in JSON ISO 8601 in UTC.

    :param request: what was asked for.
    :param record: what is remembered of it, ``None`` before it was accepted.
    :param state: ``processing``, ``ready``, ``failed`` or ``timed_out``.
    :param money: ``accepted`` (billed in this try), ``re-attached`` (billed by an earlier try), ``None`` when nothing was
        accepted.
    :param connection: id of the connection.
    :param service: base URL.
    :param files: URIs of the saved images, ``None`` when they are not to be saved.
    :param ended_at: when the end was seen.
    :param reason: why there are no images.
    :param next_step: what a person can do then.
    """

    request: TextToImageRequest
    record: RenderingRecord | None
    state: str
    money: str | None
    connection: str
    service: str
    files: Sequence[str] | None = None
    ended_at: float | None = None
    reason: str | None = None
    next_step: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the XCom's value."""
        request, record = self.request, self.record
        seed = record.seed if record is not None and record.seed is not None else request.seed
        return {
            "version": VERSION,
            "request_id": None if record is None else record.request_id,
            "state": self.state,
            "money": self.money,
            "connection": self.connection,
            "service": self.service,
            "inference_api": None if record is None else str(record.inference_api),
            "model_id": request.model_id,
            "lora_model": ",".join(request.lora_models) or None,
            "prompt": _cut(request.prompt),
            "negative_prompt": _cut(request.negative_prompt),
            "seed": seed,
            "images": [] if record is None else list(record.urls),
            "files": None if self.files is None else list(self.files),
            "requested_at": None if record is None else as_text(record.at),
            "ended_at": as_text(self.ended_at),
            "reason": _cut(self.reason),
            "next_step": _cut(self.next_step),
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
