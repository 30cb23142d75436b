# SPDX-License-Identifier: Apache-2.0
"""When a training passes which stage, and what its log says then: functions of elapsed time and duration."""

from __future__ import annotations

import bisect
import dataclasses
import math

from airflow_provider_dreambooth.emulator.vocabulary import (
    COMPRESSING,
    DEPLOYING_GPU,
    DEPLOYING_MODEL,
    MODEL_READY,
    TRAINER_V6,
    TRAINING_COMPLETED,
    TRAINING_STARTED,
    TRAINING_SUCCESS,
    UPLOADED,
    UPLOADING,
)

# The documented ETAs (30, 15, 10 and 5 minutes left) belong to a training of about this length.
DOCUMENTED_DURATION = 35 * 60.0
# Invented: the share of the whole at which each stage begins; it makes the documented ETAs about right.
_STARTS: dict[str, float] = {
    DEPLOYING_GPU: 0.0,
    TRAINING_STARTED: 0.08,
    TRAINING_SUCCESS: 0.60,
    COMPRESSING: 0.66,
    UPLOADING: 0.76,
    UPLOADED: 0.86,
    DEPLOYING_MODEL: 0.92,
    MODEL_READY: 1.0,
}
# Stage -> (step, title, steps to go, ETA in minutes).
_DOCUMENTED: dict[str, tuple[int, str, int, int]] = {
    TRAINING_STARTED: (1, "Training Started", 5, 30),
    TRAINING_SUCCESS: (2, "Training Done", 4, 15),
    UPLOADING: (3, "Model Uploading", 3, 10),
    UPLOADED: (4, "Model Uploaded", 2, 5),
}
_WORKER: dict[str, tuple[int, str, int, int]] = {
    TRAINING_STARTED: (1, "Training Started", 5, 60),
    TRAINING_SUCCESS: (2, "Training Done", 4, 15),
    COMPRESSING: (3, "Model Compressing", 3, 25),
    UPLOADING: (3, "Model Uploading", 2, 20),
    UPLOADED: (4, "Model Uploaded", 1, 10),
}
_LOADED = "Model loaded successfully"


@dataclasses.dataclass(frozen=True, slots=True)
class StagePlan:
    """The stages of one training and the second at which each begins.

    :param stages: stage names in order.
    :param starts: seconds after acceptance at which each begins.
    :param duration: length of the whole.
    """

    stages: tuple[str, ...]
    starts: tuple[float, ...]
    duration: float

    @classmethod
    def of(cls, method: str, duration: float) -> StagePlan:
        """Plan a training.

        :param method: ``dreambooth``, ``dreambooth_v2``, ``lora`` (which compresses nothing) or ``v6_trainer``.
        :param duration: length of the whole in seconds.
        """
        if method == TRAINER_V6:
            return cls(
                (TRAINING_STARTED, TRAINING_COMPLETED, MODEL_READY),
                (0.0, _STARTS[DEPLOYING_MODEL] * duration, duration),
                duration,
            )
        stages = tuple(stage for stage in _STARTS if method != "lora" or stage != COMPRESSING)
        return cls(stages, tuple(_STARTS[stage] * duration for stage in stages), duration)

    def index_at(self, elapsed: float) -> int:
        """Return the index of the stage that is under way.

        :param elapsed: seconds since acceptance.
        """
        return max(0, bisect.bisect_right(self.starts, elapsed) - 1)

    def start_of(self, stage: str) -> float:
        """Return the second at which a stage begins."""
        return self.starts[self.stages.index(stage)]

    def moment_within(self, stage: str, share: float) -> float:
        """Return a second inside a stage; used for failures.

        :param share: how far into it, 0 to 1.
        """
        index = self.stages.index(stage)
        end = self.starts[index + 1] if index + 1 < len(self.starts) else self.duration
        return self.starts[index] + share * (end - self.starts[index])


@dataclasses.dataclass(frozen=True, slots=True)
class Wording:
    """How announced times and logs are written.

    :param separator: ``slash-n`` or ``newline``.
    :param source: ``documented`` or ``worker``.
    :param unit: ``auto``, ``seconds`` or ``minutes``.
    :param factor: multiple of the documented ETAs.
    """

    separator: str = "slash-n"
    source: str = "documented"
    unit: str = "auto"
    factor: float = 1.0

    def span(self, minutes: float, duration: float) -> str:
        """Write a documented number of minutes, scaled to a training's length.

        :param minutes: the documented figure.
        """
        seconds = minutes * 60 * self.factor * duration / DOCUMENTED_DURATION
        unit = self.unit
        if unit == "auto":
            unit = "minutes" if duration >= 600 else "seconds"
        number = seconds / 60 if unit == "minutes" else seconds
        return f"{max(1, math.floor(number + 0.5))} {unit}"

    def announcement(self, method: str, duration: float) -> str:
        """Return the text of the first answer.

        :param method: LoRA pages say 30 minutes, the others 25.
        """
        return f"it will take upto {self.span(30 if method == 'lora' else 25, duration)}."

    def piece(self, stage: str, plan: StagePlan) -> str | None:
        """Return the log line a stage adds, if it adds one."""
        if stage == MODEL_READY:
            return _LOADED
        entry = (_WORKER if self.source == "worker" else _DOCUMENTED).get(stage)
        if entry is None:
            return None
        step, title, left, minutes = entry
        eta = self.span(minutes, plan.duration)
        if self.source != "worker":
            return f"Step:{step} {title}, {left} Steps to go : ETA : {eta}"
        elapsed = f"{plan.start_of(stage):.2f}" + ("" if stage == UPLOADED else " seconds")
        return f"Step:{step} {title}, {left} More Steps to go : ETA : {eta} | Time Elapsed : {elapsed}"

    def log(self, plan: StagePlan, index: int) -> str:
        """Return the whole log up to a stage, separators and all.

        :param index: the stage under way.
        """
        separator = " /n " if self.separator == "slash-n" else "\n"
        text = ""
        for stage in plan.stages[: index + 1]:
            piece = self.piece(stage, plan)
            if piece is not None:
                # The documented sample doubles the separator before its fourth step.
                doubled = stage == UPLOADED and self.source == "documented"
                text += (separator * 2 if doubled else separator) + piece
        return text
