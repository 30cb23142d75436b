# SPDX-License-Identifier: Apache-2.0
"""Two interfaces train: each call goes to the one that has the training."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.api import training_routes
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.trainer_request import TrainerRequest
from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.api.training_routes import TrainingRequest

IMAGES = [f"https://images.example/{number}.png" for number in range(7)]
LORA = FineTuneRequest.checked(
    environment="production",
    method="lora",
    instance_prompt="photo of ohwx",
    class_prompt="photo",
    images=IMAGES,
)
FLUX = TrainerRequest.draft(environment="production", trainer_id="flux_lora_trainer").with_images(IMAGES)


@pytest.mark.parametrize(
    ("request_", "path"),
    [(LORA, "/api/v3/lora_fine_tune"), (FLUX, "/api/v6/trainer/train")],
    ids=["v3", "v6"],
)
def test_a_start_goes_where_its_request_belongs(request_: TrainingRequest, path: str) -> None:
    assert training_routes.start(request_, Environment.PRODUCTION).path == path


@pytest.mark.parametrize(
    ("api", "status", "cancel"),
    [
        (TrainingApi.V3, "/api/v3/fine_tune_status/T1", "/api/v3/cancle_training/T1"),
        (TrainingApi.V6, "/api/v6/trainer/status/T1", "/api/v6/trainer/stop"),
    ],
)
def test_status_and_cancel_ask_the_interface_that_has_the_training(
    api: TrainingApi, status: str, cancel: str
) -> None:
    assert training_routes.status(api, "T1", Environment.PRODUCTION).path == status
    assert training_routes.cancel(api, "T1").path == cancel


def test_only_trainings_of_v3_are_in_the_accounts_list() -> None:
    assert [api.has_list for api in TrainingApi] == [True, False]


def test_a_person_is_told_the_operator_that_cancels_there() -> None:
    assert TrainingApi.V3.cancel_operator == "DreamboothCancelTrainingOperator"
    assert TrainingApi.V6.cancel_operator == "DreamboothCancelTrainingOperator(training_api='v6')"
