"""The two interfaces by which the service trains: v3 (Dreambooth and LoRA) and v6 (the trainer). Each knows its own trainings."""

from __future__ import annotations

from enum import StrEnum

from airflow_provider_dreambooth.api import trainer_calls, training_calls
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, FineTuneStatus
from airflow_provider_dreambooth.api.trainer_request import TrainerRequest

#: What is paid for by either.
TrainingRequest = FineTuneRequest | TrainerRequest


class TrainingApi(StrEnum):
    """Which interface has a training."""

    V3 = "v3"
    V6 = "v6"

    @property
    def has_list(self) -> bool:
        """Whether the account's list of models shows its trainings."""
        return self is TrainingApi.V3


def start(request: TrainingRequest, environment: Environment) -> ApiCall[FineTuneStarted]:
    """Return the call that starts, and bills, a training."""
    if isinstance(request, TrainerRequest):
        return trainer_calls.start(request)
    return training_calls.start(request, environment)


def status(api: TrainingApi, training_id: str, environment: Environment) -> ApiCall[FineTuneStatus]:
    """Return the call that asks for the state of a training. Free."""
    if api is TrainingApi.V6:
        return trainer_calls.status(training_id)
    return training_calls.status(training_id, environment)


def cancel(api: TrainingApi, training_id: str) -> ApiCall[Acknowledgement]:
    """Return the call that cancels a training. Free."""
    return trainer_calls.stop(training_id) if api is TrainingApi.V6 else training_calls.cancel(training_id)
