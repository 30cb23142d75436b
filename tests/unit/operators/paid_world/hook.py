# SPDX-License-Identifier: Apache-2.0
"""The hook as the operator sees it, on the model's service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, FineTuneStatus, Model
from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.operators.paid_world.training import Training, status_of
from tests.unit.operators.paid_world.world import World

#: Seconds after which a training shows in the account's list.
LIST_LAG = 20.0
#: Seconds that the client waits for an answer.
ANSWER_WITHIN = 30.0
#: Seconds after the acceptance in which the service may not know its own training.
LAGS_FOR = 120.0

#: Answers to the paid request by which nothing is accepted.
REFUSALS = ("refused", "queue full", "rejected", "bad key", "no credits")


def refusal(answer: str) -> DreamboothError:
    """Return the error that the hook raises for one of them."""
    if answer == "refused":
        return DreamboothTransientError("connection refused", acceptance=Acceptance.NO)
    if answer == "queue full":
        return DreamboothRateLimitError("Rate limit exceeded.", retry_after=30.0, raw="Rate limit exceeded")
    if answer == "rejected":
        return DreamboothValidationError("prompt is required")
    if answer == "bad key":
        return DreamboothAuthError("Invalid API Key")
    return DreamboothInsufficientCreditsError("Insufficient credits")


class Payer(Protocol):
    """Whose request it is: judges whether it may be paid or cancelled."""

    sent_with: tuple[str, str]
    answered: Training | None
    lagged: bool
    resuming: str | None
    generation: int

    def pay(self, inputs: int, generation: int) -> Training: ...

    def cancel(self, training: Training, why: str) -> None: ...


class ModelHook:
    """
    One worker's hook.

    :param world: the service.
    :param task: the task.
    """

    def __init__(self, world: World, task: Payer) -> None:
        self.world, self.task, self.generation = world, task, task.generation
        self.settings = ConnectionSettings(
            world.key,
            f"http://{world.host}",
            world.environment,  # type: ignore[arg-type]
            max_trainings_per_day=world.cap,
        )
        self.environment = Environment(world.environment)
        self.dreambooth_conn_id = "dreambooth_default"
        self.training_api = TrainingApi.V3

    def of_training_api(self, name: str | None) -> ModelHook:
        assert name in (None, "v3")
        return self

    def get_conn(self) -> ModelHook:
        return self

    def download(self, url: str, **_: Any) -> bytes:
        raise DreamboothTransientError("this model has no images")

    def fine_tune(self, request: Any) -> FineTuneStarted:
        self.world.step("request to be sent")
        self.task.sent_with = (self.world.key, self.world.host)
        answer = self.world.answer("create")
        if answer in REFUSALS:
            raise refusal(answer)
        if answer.startswith("lost") and answer != "lost, accepted":
            self.world.now += ANSWER_WITHIN
        if answer == "lost, not accepted":
            raise DreamboothTransientError("HTTP 502", acceptance=Acceptance.UNKNOWN)
        training = self.task.pay(int(request.instance_prompt.rpartition(" ")[2]), self.generation)
        self.world.step("request accepted")
        if answer.startswith("lost"):
            raise DreamboothTransientError("HTTP 502", acceptance=Acceptance.UNKNOWN)
        training.told = True
        self.task.answered = training
        return FineTuneStarted(training.training_id, "deploying_gpu", 1500.0)

    def _asked(self, call: str) -> str:
        self.world.step(f"{call} asked")
        answer = self.world.answer(call)
        if answer == "error":
            raise DreamboothTransientError("HTTP 503", acceptance=Acceptance.UNKNOWN)
        if answer == "queue full":
            raise DreamboothRateLimitError("Rate limit exceeded.", raw="Rate limit exceeded")
        return answer

    def fine_tune_status(self, training_id: str) -> FineTuneStatus:
        answer = self._asked("status")
        training = self.world.find(training_id)
        if training is None or training.vanished or not self.world.reaches(training):
            raise DreamboothNotFoundError("Training not found", raw="Training not found")
        if answer == "lags" and self.world.now - training.accepted_at < LAGS_FOR:
            self.task.lagged = True
            raise DreamboothNotFoundError("Training not found", raw="Training not found")
        return status_of(training)

    def list_models(self) -> tuple[Model, ...]:
        self._asked("list")
        return tuple(
            self._row(item)
            for item in self.world.trainings
            if not item.vanished
            and self.world.reaches(item)
            and self.world.now - item.accepted_at >= LIST_LAG
            and (self.world.list_shows_running or item.stage == "model_ready")
        )

    def _row(self, training: Training) -> Model:
        young = self.world.now - training.accepted_at < self.world.rows_get_an_id_after
        name = None if young else training.training_id
        if not self.world.rows_are_objects:
            return Model(name)
        created_at = datetime.fromtimestamp(training.accepted_at, UTC).isoformat()
        return Model(name, None, created_at, f"photo of zwx fox {training.inputs}")

    def cancel_training(self, training_id: str) -> Acknowledgement:
        self._asked("cancel")
        training = self.world.find(training_id)
        if training is None or training.vanished or not self.world.reaches(training):
            raise DreamboothNotFoundError("Training not found")
        if training.ended:
            raise DreamboothValidationError("Training has already finished.")
        self.task.cancel(training, "timeout" if self.task.resuming == "timeout" else "replaced")
        return Acknowledgement("Training cancelled")
