# SPDX-License-Identifier: Apache-2.0
"""One accepted, and therefore paid, training. Its stage follows from the clock and what was done to it."""

from __future__ import annotations

import dataclasses
from typing import Any

from airflow_provider_dreambooth.emulator.stage_plan import StagePlan, Wording
from airflow_provider_dreambooth.emulator.vocabulary import (
    DEPLOYING_GPU,
    FAMILY_OF_BASE_MODEL_TYPE,
    MODEL_READY,
    TRAINER_V6,
    TRAINING_CANCELLED,
    TRAINING_FAILED,
    family_of_trainer,
)


@dataclasses.dataclass(slots=True)
class Training:
    """A training and its life.

    :param environment: ``production``, ``sandbox`` or ``v6_trainer``: which status endpoint knows it.
    :param body: the request without any secret.
    :param fail_after: seconds after acceptance at which it fails by itself, if it does.
    :param ended: stage and moment that were forced on it: cancelled, failed or ready.
    :param frozen_at: stage it never leaves.
    :param vanished: gone from the service without having been deleted.
    :param served: status answers by stage, kept so that a poll builds nothing.
    """

    training_id: str
    account: str
    endpoint: str
    environment: str
    method: str
    body: dict[str, Any]
    created_at: float
    plan: StagePlan
    wording: Wording
    fail_after: float | None = None
    fail_reason: str = ""
    ended: tuple[str, float] | None = None
    frozen_at: str | None = None
    cancelled_at: float | None = None
    deleted_at: float | None = None
    vanished: bool = False
    last_used_at: float | None = None
    reload_until: float | None = None
    status_polls: int = 0
    announced: str = ""
    next_announced: float | None = None
    served: dict[str, tuple[int, bytes]] = dataclasses.field(default_factory=dict)

    def stage(self, now: float) -> str:
        """Return the stage at a moment."""
        if self.ended is not None and now >= self.ended[1]:
            return self.ended[0]
        elapsed = now - self.created_at
        if self.frozen_at is not None:
            elapsed = min(elapsed, self.plan.start_of(self.frozen_at))
        if self.fail_after is not None and elapsed >= self.fail_after:
            return TRAINING_FAILED
        return self.plan.stages[self.plan.index_at(elapsed)]

    def family(self) -> str:
        """Return the family of base models that a LoRA fits; empty where anything goes or it is no LoRA."""
        if self.method == TRAINER_V6:
            return family_of_trainer(str(self.body["trainer_id"]))
        if self.method == "lora":
            return FAMILY_OF_BASE_MODEL_TYPE[str(self.body.get("base_model_type") or "sdxl")]
        return ""

    def is_over(self, now: float) -> bool:
        """Tell whether nothing will change any more."""
        return self.stage(now) in (MODEL_READY, TRAINING_FAILED, TRAINING_CANCELLED)

    def log(self, stage: str) -> str:
        """Return the `data` text of a status answer.

        :param stage: the stage it is for.
        """
        if stage == TRAINING_FAILED:
            return self.fail_reason
        if stage == TRAINING_CANCELLED:
            return "Training cancelled"
        if stage == DEPLOYING_GPU:
            return self.wording.announcement(self.method, self.plan.duration)
        return self.wording.log(self.plan, self.plan.stages.index(stage))

    def progress(self, now: float) -> float:
        """Return how much of the way is done, 0 to 1."""
        moment = min(now, self.ended[1]) if self.ended is not None else now
        if self.stage(now) == MODEL_READY:
            return 1.0
        elapsed = moment - self.created_at
        if self.frozen_at is not None:
            elapsed = min(elapsed, self.plan.start_of(self.frozen_at))
        if self.fail_after is not None:
            elapsed = min(elapsed, self.fail_after)
        return max(0.0, min(1.0, elapsed / self.plan.duration))

    def next_change(self, now: float) -> float | None:
        """Return the next moment at which the stage changes by itself."""
        if self.ended is not None or self.is_over(now):
            return None
        elapsed = now - self.created_at
        later = [start for start in self.plan.starts if start > elapsed]
        if self.fail_after is not None and self.fail_after > elapsed:
            later.append(self.fail_after)
        if self.frozen_at is not None:
            later = [start for start in later if start <= self.plan.start_of(self.frozen_at)]
        return self.created_at + min(later) if later else None

    def is_known(self) -> bool:
        """Tell whether the service still answers for this id."""
        return self.deleted_at is None and not self.vanished

    def is_loaded(self, now: float, idle_unload: float) -> bool:
        """Tell whether the model can render.

        :param idle_unload: idle time after which a model is dropped.
        """
        if not self.is_known() or self.stage(now) != MODEL_READY:
            return False
        if self.reload_until is not None and now < self.reload_until:
            return False
        ready_at = self.ended[1] if self.ended is not None else self.created_at + self.plan.duration
        used = max(ready_at, self.last_used_at or 0.0, self.reload_until or 0.0)
        return now - used <= idle_unload

    def end(self, stage: str, now: float) -> None:
        """Force the training to its end.

        :param stage: ready, failed or cancelled.
        """
        self.ended = (stage, now)
        self.served.clear()

    def description(self, now: float) -> dict[str, Any]:
        """Return what the control endpoint tells about it; nothing secret."""
        return {
            "training_id": self.training_id,
            "account": self.account,
            "endpoint": self.endpoint,
            "environment": self.environment,
            "method": self.method,
            "created_at": self.created_at,
            "duration": self.plan.duration,
            "stage": self.stage(now),
            "progress": round(self.progress(now), 4),
            "data": self.log(self.stage(now)),
            "cancelled": self.cancelled_at is not None,
            "cancelled_at": self.cancelled_at,
            "deleted": self.deleted_at is not None,
            "vanished": self.vanished,
            "frozen_at": self.frozen_at,
            "over": self.is_over(now),
            "status_polls": self.status_polls,
            "body": self.body,
        }
