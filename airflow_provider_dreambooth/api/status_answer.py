# SPDX-License-Identifier: Apache-2.0
"""The answer to a status call, in every shape that was documented or seen.

The stage decides, never ``status``: that is the outcome of the call (quirk Q10). A failed training may come
under ``success``, ``error`` or ``failed``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_dreambooth.api.answer import flatten, message_of, printable, seconds_in, unreadable
from airflow_provider_dreambooth.api.errors import documented_class
from airflow_provider_dreambooth.api.log_text import Progress, read_eta, read_progress, split_log
from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import (
    MODEL_READY,
    TRAINING_CANCELLED,
    TRAINING_COMPLETED,
    TRAINING_FAILED,
    Outcome,
    is_known_stage,
    looks_like_stage,
    normalise_stage,
    outcome_of,
)

#: Where a stage was seen, in the order in which they are believed (quirk Q11).
_STAGE_KEYS = ("messege", "model_training_status", "message", "training_status")
#: How the trainer begins the report of a failure (observed, reference 4.3).
_FAILURE = re.compile(
    r"^(?:training failed\b|uploading model failed\b"
    r"|[0-9]\. ?\[(?:training model|creating test image|compressing tar|invalid images|uploading model))",
    re.IGNORECASE,
)
#: No source shows a cancelled training; a sentence that says so is believed.
_CANCELLED = re.compile(r"^(?:the )?training (?:was|has been|is) (?:cancell?ed|stopped)\b", re.IGNORECASE)
#: The trainer's words for images that will not get better by themselves (observed).
_PERMANENT_CAUSE = re.compile(r"valid image links less than|invalid images|make sure its png", re.IGNORECASE)
_STEP_LINE = re.compile(r"^step ?:? ?[0-9]|\bsteps? to go\b", re.IGNORECASE)


def _texts(value: Any) -> list[str]:
    """Return the texts under a key, each blank a single space: a string, or those of an array (observed)."""
    if isinstance(value, str):
        text = " ".join(value.split())
        return [text] if text else []
    if isinstance(value, Mapping):
        value = flatten(value)
    items = value if isinstance(value, (list, tuple)) else (value,)
    texts = [" ".join(item.split()) for item in items if isinstance(item, str)]
    return [text for text in texts if text]


def _stage_candidates(document: Mapping[str, Any]) -> list[str]:
    values = [text for key in _STAGE_KEYS if key in document for text in _texts(document[key])]
    data = document.get("data")
    if isinstance(data, Mapping):
        values += _texts(data.get("status"))
    verdict = document.get("status")
    # The trainer's own report has the stage here (observed); any other word is the outcome of the call.
    if isinstance(verdict, str) and is_known_stage(verdict):
        values.append(verdict)
    return values


def _stage_in(candidates: list[str]) -> str | None:
    """Return the first known stage, else the first word that looks like one, else ``None``."""
    for accepts in (is_known_stage, looks_like_stage):
        for candidate in candidates:
            if accepts(candidate):
                return normalise_stage(printable(candidate))
    return None


def _log_in(document: Mapping[str, Any]) -> str:
    data = document.get("data")
    if isinstance(data, Mapping):
        values = (data.get(key) for key in ("response_dump", "logs", "message"))
        # A text is a log as it is: its end matters, and flattening would cut it.
        parts = (value if isinstance(value, str) else flatten(value) for value in values)
        return next((part for part in parts if part.strip()), "")
    for key in ("data", "logs"):
        value = document.get(key)
        if isinstance(value, (list, tuple)):
            value = "\n".join(flatten(item) for item in value)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _progress_in(document: Mapping[str, Any]) -> Progress:
    progress = read_progress(_log_in(document))
    if progress.eta is not None:
        return progress
    told = document.get("eta")
    eta = read_eta(told) if isinstance(told, str) else None
    return replace(progress, eta=seconds_in(told) if eta is None else eta)


def _failure_in(candidates: list[str], lines: tuple[str, ...]) -> str | None:
    """Return the sentence that reports a failure: a message, or the last line of the log."""
    return next((text for text in (*candidates, *lines[-1:]) if _FAILURE.match(text)), None)


def _reports_cancellation(candidates: list[str]) -> bool:
    return any(_CANCELLED.match(text) for text in candidates)


def _failed_with_undocumented_words(document: Mapping[str, Any]) -> bool:
    # "failed" is the trainer's word. Beside a text that belongs to a call, such as "Failed, Try Again", it
    # speaks of the call; beside any other, of the training.
    verdict = document.get("status")
    if not isinstance(verdict, str) or verdict.strip().lower() != "failed":
        return False
    text = message_of(document)
    return bool(text) and documented_class(text) is None


def reports_training(document: Any) -> bool:
    """
    Whether a status answer speaks of the training itself, whatever its ``status`` says.

    :param document: the decoded JSON.
    """
    if not isinstance(document, Mapping):
        return False
    candidates = _stage_candidates(document)
    if _failure_in(candidates, split_log(_log_in(document))) or _reports_cancellation(candidates):
        return True
    stage = _stage_in(candidates)
    if stage is not None and is_known_stage(stage):
        return True
    if _failed_with_undocumented_words(document):
        return True
    verdict = document.get("status")
    word = verdict.strip().lower() if isinstance(verdict, str) else ""
    return stage is not None and word in ("success", "processing")


def _stage_and_outcome(
    document: Mapping[str, Any], candidates: list[str], failure: str | None
) -> tuple[str, Outcome] | None:
    stage = _stage_in(candidates)
    known = stage if stage is not None and is_known_stage(stage) else None
    if known == MODEL_READY:
        return MODEL_READY, Outcome.READY
    if failure is not None:
        return known or TRAINING_FAILED, Outcome.FAILED
    if known is None and _reports_cancellation(candidates):
        return TRAINING_CANCELLED, Outcome.CANCELLED
    if known is None and _failed_with_undocumented_words(document):
        return TRAINING_FAILED, Outcome.FAILED
    data = document.get("data")
    if isinstance(data, Mapping):
        # The shape of v6: "cancelled" is its word for a failure, and a completed training is of use once its
        # inference is ready (quirk Q12).
        if known == TRAINING_CANCELLED:
            return known, Outcome.FAILED
        inference = data.get("inference")
        if (
            known == TRAINING_COMPLETED
            and isinstance(inference, Mapping)
            and inference.get("status") != "ready"
        ):
            return known, Outcome.RUNNING
    if stage is not None:
        return stage, outcome_of(stage)
    verdict = document.get("status")
    if isinstance(verdict, str) and verdict.strip().lower() in ("success", "processing"):
        # A sentence instead of a stage, or nothing at all: the call went well and reports no end.
        return "processing", Outcome.RUNNING
    return None


def read_status(document: Any, training_id: str) -> FineTuneStatus:
    """
    Read a status answer under any of its shapes.

    :param document: the decoded JSON.
    :param training_id: the training that was asked about.
    :raises DreamboothTransientError: the document names no stage and no verdict.
    """
    if not isinstance(document, Mapping):
        raise unreadable(f"training {training_id}", "JSON that is not an object", training_id=training_id)
    candidates, progress = _stage_candidates(document), _progress_in(document)
    failure = _failure_in(candidates, progress.lines)
    found = _stage_and_outcome(document, candidates, failure)
    if found is None:
        raise unreadable(f"training {training_id}", "an answer that names no stage", training_id=training_id)
    stage, outcome = found
    reason = None
    if outcome in (Outcome.FAILED, Outcome.CANCELLED):
        told = [line for line in progress.lines[-1:] if not _STEP_LINE.search(line)]
        words = [failure or "", *told, *candidates]
        reason = next((printable(word) for word in words if word and not is_known_stage(word)), stage)
    return FineTuneStatus(
        training_id=training_id,
        stage=stage,
        outcome=outcome,
        progress=progress,
        reason=reason,
        cause_is_permanent=bool(reason and _PERMANENT_CAUSE.search(reason)),
    )
