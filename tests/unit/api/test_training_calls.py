# SPDX-License-Identifier: Apache-2.0
"""Rows A to G: where the calls go, what they send, what their answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.api.training_calls import cancel, start, status
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import CREATED, IMAGES, STATUS, error_of, read

SANDBOX, PRODUCTION = Environment.SANDBOX, Environment.PRODUCTION


def training(environment: Environment = PRODUCTION, method: str = "dreambooth") -> FineTuneRequest:
    return FineTuneRequest.checked(
        environment=environment,
        method=method,
        instance_prompt="photo of ohwx person",
        class_prompt="photo of person",
        images=IMAGES,
    )


@pytest.mark.parametrize(
    ("environment", "method", "path"),
    [
        (SANDBOX, "dreambooth", "/api/sandbox/v3/fine_tune"),
        (PRODUCTION, "dreambooth", "/api/v3/fine_tune"),
        (PRODUCTION, "dreambooth_v2", "/api/v3/fine_tune_v2"),
        (PRODUCTION, "lora", "/api/v3/lora_fine_tune"),
    ],
)
def test_rows_a_c_d_e_start_at_their_own_path(environment: Environment, method: str, path: str) -> None:
    request = training(environment, method)
    call = start(request, environment)
    assert call.path == path
    assert call.body == request.body()


def test_a_start_is_never_repeated_unless_nothing_was_accepted() -> None:
    assert start(training(), PRODUCTION).repeat is Repeat.ONLY_IF_NOT_ACCEPTED


def test_the_documented_answer_to_a_start() -> None:
    started = read(start(training(), PRODUCTION), CREATED)
    assert (started.training_id, started.stage, started.eta) == ("F5jvdzGnYi", "deploying_gpu", 1500.0)


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success", "messege": "deploying_gpu", "training_id": 77},
        {"status": "success", "messege": "deploying_gpu", "model_id": "77"},
        {"status": "success", "messege": "deploying_gpu", "training_id": "77", "model_id": "78"},
        {"status": "success", "data": {"training_id": "77"}},
        {"status": "processing", "messege": "Your training was queued", "training_id": "77"},
    ],
)
def test_the_id_of_a_paid_training_is_found_wherever_it_was_seen(document: dict[str, Any]) -> None:
    started = read(start(training(), PRODUCTION), document)
    assert started.training_id == "77"
    assert started.stage == "deploying_gpu"


@pytest.mark.parametrize(
    "document",
    [{"status": "success"}, {"status": "success", "id": 77}, [], None, "ok"]
    + [
        {"status": "success", "messege": "deploying_gpu", "training_id": unusable}
        for unusable in ("", "null", "None", "..", "x" * 2_000_000, True, ["77"])
    ],
)
def test_a_start_without_a_usable_id_may_have_been_paid(document: Any) -> None:
    error = error_of(start(training(), PRODUCTION), document)
    assert type(error) is DreamboothTransientError
    assert error.acceptance is Acceptance.UNKNOWN
    assert "may have accepted it, and charged for it" in str(error)


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        (SANDBOX, "/api/sandbox/v3/fine_tune_status/F5jvdzGnYi"),
        (PRODUCTION, "/api/v3/fine_tune_status/F5jvdzGnYi"),
    ],
)
def test_rows_b_f_ask_at_the_path_of_their_environment(environment: Environment, path: str) -> None:
    call = status("F5jvdzGnYi", environment)
    assert (call.path, call.body, call.training_id) == (path, {}, "F5jvdzGnYi")
    assert call.repeat is Repeat.FREELY


def test_the_documented_answer_about_a_training() -> None:
    told = read(status("F5jvdzGnYi", PRODUCTION), STATUS)
    assert (told.training_id, told.stage, told.outcome) == ("F5jvdzGnYi", "model_ready", Outcome.READY)


@pytest.mark.parametrize("call", [lambda id: status(id, PRODUCTION), cancel])
def test_an_id_may_be_a_number_and_never_leaves_its_place_in_the_path(call: Any) -> None:
    assert call(123).path.endswith("/123")
    assert call("a/../b?c").path.endswith("/a%2F..%2Fb%3Fc")
    for nothing in ("", "None", "..", None):
        with pytest.raises(DreamboothValidationError, match=r"^training_id is"):
            call(nothing)


def test_row_g_cancels_in_the_documented_misspelling_with_the_other_as_fallback() -> None:
    call = cancel("F5jvdzGnYi")
    assert call.path == "/api/v3/cancle_training/F5jvdzGnYi"
    assert call.fallback is not None
    assert call.fallback.path == "/api/v3/cancel_training/F5jvdzGnYi"
    assert call.fallback.fallback is None
    assert call.training_id == call.fallback.training_id == "F5jvdzGnYi"


def test_the_documented_answers_to_a_cancel() -> None:
    done = read(cancel("X"), {"status": "success", "messege": "training cancelled", "data": ""})
    assert (done.message, done.processing) == ("training cancelled", False)
    error = error_of(cancel("X"), {"status": "error", "messege": "Training not found", "code": 404}, 404)
    assert isinstance(error, DreamboothNotFoundError)
    assert error.training_id == "X"


def test_an_undocumented_answer_to_a_cancel_is_taken_when_it_is_an_object() -> None:
    assert read(cancel("X"), {}).message == ""
    assert isinstance(error_of(cancel("X"), []), DreamboothTransientError)
