# SPDX-License-Identifier: Apache-2.0
"""The stages of a training as the service names them, and which of them end it.

A stage the service adds tomorrow counts as running unless its name says that it failed or was cancelled.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """Where a training stands, whatever the service calls the stage."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the training."""
        return self is not Outcome.RUNNING


DEPLOYING_GPU = "deploying_gpu"
MODEL_READY = "model_ready"
TRAINING_STARTED = "training_started"
#: Documented order (documentation page "finetune-status" and webhook page, 2023).
STAGES: tuple[str, ...] = (
    DEPLOYING_GPU,
    TRAINING_STARTED,
    "training_success",
    "trained_model_compressing",
    "trained_model_uploading",
    "trained_model_uploaded",
    "deploying_model",
    MODEL_READY,
)
#: In no documentation; the trainer reports it (observed).
TRAINING_FAILED = "training_failed"
#: The v6 trainer calls a failure "cancelled" (quirk Q12). v3 has no documented word for a cancelled job.
TRAINING_CANCELLED = "training_cancelled"
#: The v6 trainer's word for the end, in success or by its owner's stop (documentation of 2026).
TRAINING_COMPLETED = "training_completed"

#: What each documented or observed stage means.
_KNOWN = {
    **dict.fromkeys(STAGES, Outcome.RUNNING),
    MODEL_READY: Outcome.READY,
    TRAINING_FAILED: Outcome.FAILED,
    TRAINING_CANCELLED: Outcome.CANCELLED,
    TRAINING_COMPLETED: Outcome.READY,
}
_FAILED = ("fail", "error")
_CANCELLED = ("cancel", "cancle")
#: Words that look like a stage although no list has them. Free text with blanks is not a stage.
_STAGE_WORDS = (
    "train",
    "deploy",
    "model",
    "gpu",
    "upload",
    "compress",
    "queue",
    "ready",
    *_FAILED,
    *_CANCELLED,
)


def normalise_stage(text: str) -> str:
    """Return the service's word in the form the tables use: lower case, underscores."""
    return text if text in _KNOWN else "_".join(text.strip().lower().replace("-", " ").split())


def is_known_stage(text: str) -> bool:
    """Whether the word is one of the documented or observed stages."""
    return normalise_stage(text) in _KNOWN


def looks_like_stage(text: str) -> bool:
    """Whether the text can be a stage that no list names yet: one word that speaks of a training."""
    stripped = text.strip()
    if not stripped or len(stripped) > 60 or any(character.isspace() for character in stripped):
        return False
    return any(word in stripped.lower() for word in _STAGE_WORDS)


def outcome_of(stage: str) -> Outcome:
    """
    Return where a training stands at this stage.

    :param stage: the service's word for the stage, in any capitals.
    """
    word = normalise_stage(stage)
    known = _KNOWN.get(word)
    if known is not None:
        return known
    if any(part in word for part in _CANCELLED):
        return Outcome.CANCELLED
    if any(part in word for part in _FAILED):
        return Outcome.FAILED
    return Outcome.RUNNING
