# SPDX-License-Identifier: Apache-2.0
"""The calls about a training, each to the interface of the service that has it."""

from __future__ import annotations

from airflow_provider_dreambooth.api import trainer_calls, training_calls
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, FineTuneStatus
from airflow_provider_dreambooth.api.trainer_request import TrainerRequest
from airflow_provider_dreambooth.api.training_api import TrainingApi

#: What is paid for by either.
TrainingRequest = FineTuneRequest | TrainerRequest


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
