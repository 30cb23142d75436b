# SPDX-License-Identifier: Apache-2.0
"""The v6 trainer: where its calls go, what they send, what its answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.api.trainer_calls import start, status, stop
from airflow_provider_dreambooth.api.trainer_request import TrainerRequest
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import error_of, read

ID = "6e0cfd5e-0f8b-4b8c-9d6f-0d7c3c0d9f11"
IMAGES = [f"https://images.example/{number}.png" for number in range(7)]


def request(**changes: Any) -> TrainerRequest:
    fields: dict[str, Any] = {
        "environment": "production",
        "trainer_id": "flux_lora_trainer",
        "parameters": {"trigger_word": "ohwx", "training_steps": 1000},
        "owner": "airflow-portraits-train-1a2b3c4d",
        **changes,
    }
    return TrainerRequest.draft(**fields).with_images(IMAGES)


def test_a_start_sends_the_parameters_as_they_are_and_a_name_that_a_person_can_find() -> None:
    asked = request()
    call = start(asked)
    assert call.path == "/api/v6/trainer/train"
    assert call.body == {
        "trainer_id": "flux_lora_trainer",
        "images": IMAGES,
        "trigger_word": "ohwx",
        "training_steps": 1000,
        "training_id": asked.sent_as,
        "track_id": asked.sent_as,
    }
    assert call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED


def test_a_start_alone_carries_the_second_secret_which_the_transport_adds() -> None:
    assert start(request()).takes_hf_token
    assert not status(ID).takes_hf_token
    assert not stop(ID).takes_hf_token


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success", "training_id": ID, "id": "x", "request_id": "y"},
        {"status": "success", "id": ID, "request_id": "y"},
        {"status": "success", "request_id": ID},
        {"status": "success", "training_id": None, "id": ID},
        {"status": "success", "data": {"id": ID}},
    ],
)
def test_the_id_is_read_in_the_order_of_a_published_client(document: dict[str, Any]) -> None:
    assert read(start(request()), document).training_id == ID


@pytest.mark.parametrize(
    "document", [{"status": "success"}, {"status": "success", "training_id": "null"}, [], "ok", None]
)
def test_any_other_answer_to_a_start_is_a_lost_one(document: Any) -> None:
    error = error_of(start(request()), document)
    assert type(error) is DreamboothTransientError
    assert error.acceptance is Acceptance.UNKNOWN


@pytest.mark.parametrize("verdict", ["error", "failed"])
def test_a_refused_start_was_not_accepted(verdict: str) -> None:
    error = error_of(start(request()), {"status": verdict, "message": "images is required"})
    assert isinstance(error, DreamboothValidationError)
    assert error.acceptance is Acceptance.NO


def told(stage: str, **data: Any) -> Any:
    document = {"status": "success", "message": stage, "data": {"id": ID, "status": stage, **data}}
    return read(status(ID), document)


def test_the_trainers_words_mean_what_they_mean_there() -> None:
    assert status(ID).path == f"/api/v6/trainer/status/{ID}"
    assert told("training_started").outcome is Outcome.RUNNING
    assert told("training_completed").outcome is Outcome.RUNNING
    assert told("training_completed", inference={"status": "loading"}).outcome is Outcome.RUNNING
    ready = told("training_completed", inference={"status": "ready", "model_id": "flux", "lora_model": ID})
    assert ready.outcome is Outcome.READY
    assert not ready.runs
    failed = told("training_cancelled", response_dump="CUDA out of memory")
    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "CUDA out of memory")


@pytest.mark.parametrize(
    "inference",
    [
        {"status": "ready", "model_id": "flux", "lora_model": ID},
        {
            "status": "ready",
            "url": "https://x.example",
            "method": "POST",
            "key": "k",
            "model_id": "flux",
            "lora_model": ID,
        },
        {
            "status": "ready",
            "url": "https://x.example",
            "request": {"key": "k", "model_id": "flux", "lora_model": ID},
        },
        {"status": "ready", "body": {"model_id": "flux", "lora_model": ID}},
    ],
    ids=lambda inference: "-".join(inference),
)
def test_the_request_that_renders_is_read_without_a_key(inference: dict[str, Any]) -> None:
    assert told("training_completed", inference=inference).rendering == {"model_id": "flux", "lora_model": ID}


def test_a_completed_training_is_billed_no_more_and_without_an_inference_may_have_been_stopped() -> None:
    started, waiting, silent = (
        told("training_started"),
        told("training_completed", inference={"status": "pending"}),
        told("training_completed", inference=None),
    )
    assert [answer.runs for answer in (started, waiting, silent)] == [True, False, False]
    assert [answer.may_be_stopped for answer in (started, waiting, silent)] == [False, False, True]


def test_a_failure_reported_as_a_failed_call_is_an_answer_all_the_same() -> None:
    data = {"status": "training_cancelled", "response_dump": "CUDA out of memory"}
    answer = read(status(ID), {"status": "error", "message": "training_cancelled", "data": data})
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, "CUDA out of memory")


def test_a_stage_that_no_page_names_counts_as_running() -> None:
    assert told("training_queued").outcome is Outcome.RUNNING
    assert told("Training-Started").stage == "training_started"


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success"},
        {"status": "success", "data": {}},
        {"status": "success", "data": []},
        {"status": "success", "data": {"status": "all is well"}},
        {"status": "success", "data": {"status": "x" * 5000}},
        [],
    ],
)
def test_a_status_without_a_stage_is_a_transient_error(document: Any) -> None:
    assert isinstance(error_of(status(ID), document), DreamboothTransientError)


def test_a_training_that_is_not_known_is_not_found() -> None:
    unknown = {"status": "error", "message": "Training request not found."}
    for call in (status(ID), stop(ID)):
        error = error_of(call, unknown)
        assert isinstance(error, DreamboothNotFoundError)
        assert error.training_id == ID


def test_a_stop_names_the_training_in_its_body() -> None:
    call = stop(ID)
    assert (call.path, call.body) == ("/api/v6/trainer/stop", {"training_id": ID})
    assert read(call, {"status": "success", "message": "training stopped"}).message == "training stopped"
    finished = error_of(call, {"status": "error", "message": "Training has already finished."})
    assert isinstance(finished, DreamboothValidationError)
