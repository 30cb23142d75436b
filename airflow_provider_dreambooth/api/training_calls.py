"""The calls that start, watch and end a training (rows A to G of the API reference)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.answer import flatten, message_of, unreadable
from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.api.environment import Environment, training_path
from airflow_provider_dreambooth.api.faults import documented_class
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.log_text import read_eta, read_progress
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, FineTuneStatus
from airflow_provider_dreambooth.api.stages import (
    TRAINING_FAILED,
    Outcome,
    is_known_stage,
    looks_like_stage,
    normalise_stage,
    outcome_of,
)

#: Where a stage was seen, in the order in which they are believed (quirk Q11).
_STAGE_KEYS = ("messege", "model_training_status", "message", "training_status")
_FAILURE_TEXT = re.compile(r"^\s*(training failed|uploading model failed)\b", re.IGNORECASE)
#: The trainer's words for images that will not get better by themselves (observed).
_PERMANENT_CAUSE = re.compile(r"valid image links less than|invalid images|make sure its png", re.IGNORECASE)


def identifier(value: Any) -> str | None:
    """Return an id as text: the service sends numbers and strings (quirk Q14); ``None`` for none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value).strip()
    return text or None


def start(request: FineTuneRequest, environment: Environment) -> ApiCall[FineTuneStarted]:
    """Return the call that starts, and bills, a training. From 3 USD (documented price, 2023 and FAQ of 2026)."""

    def read(document: Any) -> FineTuneStarted:
        if isinstance(document, Mapping):
            training_id = identifier(document.get("training_id")) or identifier(document.get("model_id"))
            if training_id:
                stage = message_of(document)
                text = flatten(document.get("data"))
                return FineTuneStarted(training_id, normalise_stage(stage) or "deploying_gpu", read_eta(text))
        raise unreadable("a new training", "an answer that names no training_id")

    return ApiCall(
        path=training_path(environment, request.endpoint),
        body=request.body(),
        read=read,
        about="a new training",
        repeat=Repeat.ONLY_IF_NOT_ACCEPTED,
    )


def status(training_id: str, environment: Environment) -> ApiCall[FineTuneStatus]:
    """Return the call that asks where a training stands. Free."""
    return ApiCall(
        path=training_path(environment, f"fine_tune_status/{quote(training_id, safe='')}"),
        body={},
        read=lambda document: read_status(document, training_id),
        about=f"training {training_id}",
        training_id=training_id,
        is_answer=reports_training,
    )


def cancel(training_id: str) -> ApiCall[Acknowledgement]:
    """
    Return the call that cancels a running training, in the documented misspelling first (quirk Q3).

    The sandbox has no such endpoint.
    """

    def call(word: str, fallback: ApiCall[Acknowledgement] | None = None) -> ApiCall[Acknowledgement]:
        return ApiCall(
            path=training_path(Environment.PRODUCTION, f"{word}/{quote(training_id, safe='')}"),
            body={},
            read=read_acknowledgement,
            about=f"cancelling training {training_id}",
            training_id=training_id,
            fallback=fallback,
        )

    return call("cancle_training", fallback=call("cancel_training"))


def read_acknowledgement(document: Any) -> Acknowledgement:
    """Read the *basic* shape: a status and some words."""
    if not isinstance(document, Mapping):
        raise unreadable("a request", "JSON that is not an object")
    return Acknowledgement(message_of(document), processing=document.get("status") == "processing")


def _stage_candidates(document: Mapping[str, Any]) -> list[str]:
    data = document.get("data")
    nested = data.get("status") if isinstance(data, Mapping) else None
    values = [*(document.get(key) for key in _STAGE_KEYS), nested]
    return [value for value in values if isinstance(value, str) and value.strip()]


def _stage_in(document: Mapping[str, Any]) -> str | None:
    """Return the first known stage, else the first word that looks like one, else ``None``."""
    candidates = _stage_candidates(document)
    for candidate in candidates:
        if is_known_stage(candidate):
            return normalise_stage(candidate)
    for candidate in candidates:
        if looks_like_stage(candidate):
            return normalise_stage(candidate)
    return None


def _log_in(document: Mapping[str, Any]) -> str:
    data = document.get("data")
    if isinstance(data, Mapping):
        return flatten(data.get("response_dump") or data.get("logs") or data.get("message"))
    if isinstance(data, str) and data.strip():
        return data
    for key in ("logs", "data", "eta"):
        value = document.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, (list, tuple)):
            return "\n".join(flatten(item) for item in value)
    return ""


def reports_training(document: Any) -> bool:
    """
    Whether a status answer speaks of the training itself, whatever its ``status`` says.

    ``status`` is the outcome of the call, not of the job (quirk Q10): a failed training may come under
    ``success``, ``error`` or ``failed``.
    """
    if not isinstance(document, Mapping):
        return False
    if any(_FAILURE_TEXT.match(text) for text in (*_stage_candidates(document), _log_in(document))):
        return True
    if _failed_with_undocumented_words(document):
        return True
    stage = _stage_in(document)
    return stage is not None and (is_known_stage(stage) or document.get("status") not in ("error", "failed"))


def _failed_with_undocumented_words(document: Mapping[str, Any]) -> bool:
    # "failed" is the trainer's word. Beside a text that belongs to a call, such as "Failed, Try Again", it
    # speaks of the call; beside any other, of the training.
    if str(document.get("status", "")).lower() != "failed":
        return False
    text = message_of(document)
    return bool(text) and documented_class(text) is None


def read_status(document: Any, training_id: str) -> FineTuneStatus:
    """
    Read a status answer under any of its shapes.

    :raises DreamboothTransientError: the document names no stage and no verdict.
    """
    if not isinstance(document, Mapping):
        raise unreadable(f"training {training_id}", "JSON that is not an object", training_id=training_id)
    log = _log_in(document)
    progress = read_progress(log)
    stage = _stage_in(document)
    failure = next((text for text in (*_stage_candidates(document), log) if _FAILURE_TEXT.match(text)), None)
    if failure is not None or (_failed_with_undocumented_words(document) and not is_known_stage(stage or "")):
        stage, outcome = stage or TRAINING_FAILED, Outcome.FAILED
    elif stage is not None:
        outcome = outcome_of(stage)
    elif str(document.get("status", "")).lower() in ("success", "processing"):
        # A sentence instead of a stage, or nothing at all: the call went well and reports no end.
        stage, outcome = "processing", Outcome.RUNNING
    else:
        raise unreadable(f"training {training_id}", "an answer that names no stage", training_id=training_id)
    reason = None
    if outcome in (Outcome.FAILED, Outcome.CANCELLED):
        words = [failure or "", progress.lines[-1] if progress.lines else "", *_stage_candidates(document)]
        reason = next((" ".join(word.split()) for word in words if word and not is_known_stage(word)), stage)
    preview = document.get("test_image")
    return FineTuneStatus(
        training_id=training_id,
        stage=stage,
        outcome=outcome,
        progress=progress,
        reason=reason,
        cause_is_permanent=bool(reason and _PERMANENT_CAUSE.search(reason)),
        test_image=preview if isinstance(preview, str) and preview else None,
    )
