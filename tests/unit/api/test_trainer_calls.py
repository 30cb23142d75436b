"""The v6 trainer: where its calls go, what they send, what its answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.api.trainer_calls import start, status, stop, trainer_body
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import error_of, read

GOOD: dict[str, Any] = {
    "trainer_id": "flux_lora_trainer",
    "images": ["https://images.example/1.png"],
    "parameters": {"trigger_word": "ohwx", "training_steps": 1000},
    "training_id": "portraits.run.train",
}
ID = "6e0cfd5e-0f8b-4b8c-9d6f-0d7c3c0d9f11"


def test_a_start_sends_the_parameters_as_they_are_and_an_id_that_a_person_can_find() -> None:
    call = start(trainer_body(**GOOD))
    assert call.path == "/api/v6/trainer/train"
    assert call.body == {
        "trainer_id": "flux_lora_trainer",
        "images": ["https://images.example/1.png"],
        "trigger_word": "ohwx",
        "training_steps": 1000,
        "training_id": "portraits.run.train",
        "track_id": "portraits.run.train",
    }
    assert call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED


def test_the_second_secret_comes_from_the_connection_alone() -> None:
    assert trainer_body(**GOOD, hf_token="hf_x")["hf_token"] == "hf_x"
    with pytest.raises(DreamboothValidationError, match=r"'hf_token'.* is a secret") as caught:
        trainer_body(**{**GOOD, "parameters": {"hf_token": "hf_of_the_dag"}})
    assert "hf_of_the_dag" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"trainer_id": ""}, "trainer_id"),
        ({"trainer_id": None}, "trainer_id"),
        ({"images": []}, "images"),
        ({"images": "https://images.example/1.png"}, "images"),
        ({"parameters": {"key": "x"}}, r"parameters\['key'\]"),
        ({"parameters": {"track_id": "x"}}, r"parameters\['track_id'\]"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_billed(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(DreamboothValidationError, match=rf"^{field}") as caught:
        trainer_body(**{**GOOD, **change})
    assert "nothing was paid" in str(caught.value)


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
    assert read(start(trainer_body(**GOOD)), document).training_id == ID


@pytest.mark.parametrize(
    "document", [{"status": "success"}, {"status": "success", "training_id": "null"}, [], "ok", None]
)
def test_any_other_answer_to_a_start_is_a_lost_one(document: Any) -> None:
    error = error_of(start(trainer_body(**GOOD)), document)
    assert type(error) is DreamboothTransientError
    assert error.acceptance is Acceptance.UNKNOWN


@pytest.mark.parametrize("verdict", ["error", "failed"])
def test_a_refused_start_was_not_accepted(verdict: str) -> None:
    error = error_of(start(trainer_body(**GOOD)), {"status": verdict, "message": "images is required"})
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
    assert ready.inference == {"status": "ready", "model_id": "flux", "lora_model": ID}
    failed = told("training_cancelled", response_dump="CUDA out of memory")
    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "CUDA out of memory")


@pytest.mark.parametrize(
    "document",
    [{"status": "success"}, {"status": "success", "data": {}}, {"status": "success", "data": []}, []],
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
