# SPDX-License-Identifier: Apache-2.0
"""The contradictions of the service's pages, Q1 to Q16 of the API reference: all of them are accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.log_text import split_log
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.api.text_to_image import fetch, text_to_image
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.api.training_calls import cancel, start, status
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import IMAGES, error_of, read

STATUS = status("X", Environment.PRODUCTION)
RENDER = text_to_image(TextToImageRequest.checked(model_id="X", prompt="a person"), list(InferenceApi))


def training(**change: Any) -> FineTuneRequest:
    given: dict[str, Any] = {
        "environment": "production",
        "instance_prompt": "photo of ohwx person",
        "class_prompt": "photo of person",
        "images": IMAGES,
    }
    return FineTuneRequest.checked(**{**given, **change})


START = start(training(), Environment.PRODUCTION)


@pytest.mark.parametrize(
    "keys",
    [
        {"messege": "Model not found"},
        {"message": "Model not found"},
        {"messege": "", "message": "Model not found"},
        {"messege": "Model not found", "message": None},
    ],
)
def test_q1_messege_and_message_the_one_that_says_something(keys: dict[str, Any]) -> None:
    error = error_of(STATUS, {"status": "error", **keys})
    assert isinstance(error, DreamboothNotFoundError)
    assert "Model not found" in str(error)


@pytest.mark.parametrize(
    "message",
    ["prompt is required", {"prompt": ["The prompt field is required."]}, ["The prompt field is required."]],
)
def test_q2_a_message_as_text_object_or_array(message: Any) -> None:
    error = error_of(RENDER, {"status": "error", "message": message})
    assert isinstance(error, DreamboothValidationError)
    assert "prompt" in str(error)


def test_q3_cancel_in_both_spellings_the_misspelt_one_first() -> None:
    call = cancel("X")
    assert call.path.endswith("/cancle_training/X")
    assert call.fallback is not None
    assert call.fallback.path.endswith("/cancel_training/X")


@pytest.mark.parametrize("key", ["training_id", "model_id"])
def test_q4_a_new_training_named_by_either_key(key: str) -> None:
    assert read(START, {"status": "success", "messege": "deploying_gpu", key: "X"}).training_id == "X"


def test_q5_women_is_taken_for_a_lora_alone_and_with_a_warning() -> None:
    lora = training(method="lora", training_type="women")
    assert lora.body()["training_type"] == "women"
    assert any("'female' is safer" in warning for warning in lora.warnings)
    with pytest.raises(DreamboothValidationError, match="'female' is the service's word"):
        training(training_type="women")


def test_q6_steps_have_a_range_for_each_method_and_none_is_made_up() -> None:
    assert "max_train_steps" not in training().body()
    assert "max_train_steps" not in training(method="lora").body()
    assert training(max_train_steps=2000).body()["max_train_steps"] == "2000"
    with pytest.raises(DreamboothValidationError, match="takes 10 to 50"):
        training(method="lora", max_train_steps=2000)


def test_q7_learning_rates_are_sent_only_when_set_and_only_listed_ones() -> None:
    assert not [name for name in training(method="dreambooth_v2").body() if name.startswith("learning_rate")]
    sent = training(method="dreambooth_v2", parameters={"learning_rate_unet": "2e-0"})
    assert sent.body()["learning_rate_unet"] == "2e-0"
    with pytest.raises(DreamboothValidationError, match="1e-4"):
        training(method="dreambooth_v2", parameters={"learning_rate_unet": "1e-4"})


def test_q8_renderings_are_asked_for_with_texts_and_yes_and_no() -> None:
    request = TextToImageRequest.checked(
        model_id="X",
        prompt="a person",
        num_inference_steps=30,
        parameters={"safety_checker": True, "tomesd": False},
    )
    body = request.body(InferenceApi.V4)
    assert (body["num_inference_steps"], body["width"], body["samples"]) == ("30", "512", "1")
    assert (body["safety_checker"], body["tomesd"]) == ("yes", "no")


@pytest.mark.parametrize("separator", [" /n ", "\n", " /n  /n ", "\r\n", " /n\n"])
def test_q9_slash_n_and_newlines_separate_single_or_doubled(separator: str) -> None:
    assert split_log(f"{separator}one{separator}two") == ("one", "two")


@pytest.mark.parametrize("verdict", ["success", "processing", "error", "failed"])
def test_q10_status_is_never_the_state_of_the_training(verdict: str) -> None:
    running = read(STATUS, {"status": verdict, "messege": "training_started", "data": ""})
    assert running.outcome is Outcome.RUNNING
    failed = read(STATUS, {"status": verdict, "messege": "training_failed", "data": ""})
    assert failed.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "document",
    [
        {"messege": "deploying_model"},
        {"model_training_status": "deploying_model", "messege": "All is well"},
        {"message": "deploying_model", "messege": ""},
        {"training_status": "deploying_model", "message": "ok"},
        {"message": "ok", "data": {"status": "deploying_model"}},
    ],
)
def test_q11_the_first_known_stage_under_any_of_its_keys(document: dict[str, Any]) -> None:
    assert read(STATUS, {"status": "success", **document}).stage == "deploying_model"


def test_q12_the_words_of_v6_mean_what_they_mean_there() -> None:
    def v6(stage: str, **data: Any) -> dict[str, Any]:
        return {"status": "success", "message": stage, "data": {"id": "X", "status": stage, **data}}

    assert read(STATUS, v6("training_started")).outcome is Outcome.RUNNING
    assert read(STATUS, v6("training_completed")).outcome is Outcome.READY
    assert read(STATUS, v6("training_completed", inference={"status": "loading"})).outcome is Outcome.RUNNING
    assert read(STATUS, v6("training_completed", inference={"status": "ready"})).outcome is Outcome.READY
    failed = read(STATUS, v6("training_cancelled", response_dump="out of memory"))
    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "out of memory")


def test_q13_images_are_fetched_where_the_answer_points_else_in_the_form_of_v4() -> None:
    document = {
        "status": "processing",
        "id": 13,
        "fetch_result": "https://stablediffusionapi.com/api/v3/dreambooth/fetch/13",
    }
    assert fetch("13", read(RENDER, document).fetch_path).path == "/api/v3/dreambooth/fetch/13"
    del document["fetch_result"]
    call = fetch("13", read(RENDER, document).fetch_path)
    assert (call.path, call.body) == ("/api/v4/dreambooth/fetch", {"request_id": "13"})


@pytest.mark.parametrize("value", [12632768, "12632768"])
def test_q14_ids_as_numbers_and_as_texts(value: Any) -> None:
    assert read(RENDER, {"status": "processing", "id": value}).request_id == "12632768"
    assert read(START, {"status": "success", "training_id": value}).training_id == "12632768"
    assert error_of(RENDER, {"status": "failed", "id": "", "message": "Failed, Try Again"}).permanent is False


def test_q15_every_body_is_a_json_object() -> None:
    for call in (START, STATUS, RENDER, cancel("X"), fetch("13")):
        assert isinstance(json.loads(json.dumps(dict(call.body), allow_nan=False)), dict)


@pytest.mark.parametrize("http_status", [200, 401])
def test_q16_errors_with_http_200_and_with_their_own_code(http_status: int) -> None:
    document = {"status": "error", "message": "Invalid Api Key"}
    assert isinstance(error_of(STATUS, document, http_status), DreamboothAuthError)


def test_q16_a_code_without_a_readable_body_still_counts() -> None:
    assert isinstance(error_of(STATUS, "<html>", 401), DreamboothAuthError)
    assert isinstance(error_of(STATUS, "<html>", 502), DreamboothTransientError)
