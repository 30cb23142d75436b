# SPDX-License-Identifier: Apache-2.0
"""How a training stands, under every shape of the answer."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import STAGES, Outcome
from airflow_provider_dreambooth.api.status_answer import read_status, reports_training
from airflow_provider_dreambooth.api.training_calls import status
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
)
from tests.unit.api.service_answers import TRY_AGAIN, error_of, read

CALL = status("X", Environment.PRODUCTION)


def told(document: Any, http_status: int = 200) -> FineTuneStatus:
    return read(CALL, document, http_status)


@pytest.mark.parametrize("stage", STAGES[:-1])
@pytest.mark.parametrize("verdict", ["success", "processing", "error", "failed"])
def test_a_known_stage_counts_whatever_the_outcome_of_the_call(stage: str, verdict: str) -> None:
    answer = told({"status": verdict, "messege": stage, "data": ""})
    assert (answer.stage, answer.outcome, answer.reason) == (stage, Outcome.RUNNING, None)


@pytest.mark.parametrize("key", ["messege", "message", "model_training_status", "training_status"])
@pytest.mark.parametrize("wrap", [lambda text: text, lambda text: [text], lambda text: {"stage": text}])
def test_the_stage_is_found_under_any_key_as_text_or_array(key: str, wrap: Any) -> None:
    if wrap("x") == {"stage": "x"}:
        document = {"status": "success", key: "", "data": {"status": "model_ready"}}
    else:
        document = {"status": "success", key: wrap("model_ready")}
    assert told(document).outcome is Outcome.READY


def test_the_first_known_stage_counts_before_words_that_only_look_like_one() -> None:
    document = {"status": "success", "messege": "model_warming_up", "message": "deploying_model"}
    assert told(document).stage == "deploying_model"
    document = {"status": "success", "messege": "training_started", "message": "model_ready"}
    assert told(document).stage == "training_started"


def test_the_trainers_own_report_has_the_stage_under_status() -> None:
    assert told({"status": "model_ready"}).outcome is Outcome.READY
    assert told({"status": "training_failed", "message": "boom"}).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success"},
        {"status": "processing", "messege": "Your model is being prepared"},
        {"status": "success", "messege": None, "data": None},
        {"status": "success", "messege": "model_warming_up"},
    ],
)
def test_a_good_answer_without_a_known_stage_is_still_running(document: dict[str, Any]) -> None:
    assert told(document).outcome is Outcome.RUNNING


FAILURES = [
    "Training Failed:  Valid image links less than 3",
    "Training Failed:  CUDA out of memory",
    "1. [Training model] | Time Elapsed : 12.3 | CUDA out of memory",
    "2. [Creating test image] | Time Elapsed : 12.3 | no image",
    "3. [Compressing tar] | Time Elapsed : 12.3 | disk full",
    "4. [Invalid images, make sure its png files] | Time Elapsed : 12.3",
    "4.[uploading model to s3] | Time Elapsed : 12.3 | denied",
    "uploading model failed :denied",
]


@pytest.mark.parametrize("text", FAILURES)
@pytest.mark.parametrize(
    "shape",
    [
        lambda text: {"status": "success", "messege": "training_failed", "data": text},
        lambda text: {"status": "error", "messege": "training_failed", "message": text},
        lambda text: {"status": "error", "messege": text, "data": ""},
        lambda text: {"status": "failed", "message": text},
        lambda text: {"status": "success", "message": [text]},
        lambda text: {
            "status": "success",
            "messege": "training_started",
            "data": f" /n Step:1 A, 5 Steps to go /n {text}",
        },
        lambda text: {"status": "success", "training_status": "training_failed", "logs": text},
    ],
)
def test_a_failure_is_reported_with_the_services_reason_in_every_shape(text: str, shape: Any) -> None:
    answer = told(shape(text))
    assert answer.outcome is Outcome.FAILED
    assert answer.reason == " ".join(text.split())


def test_images_that_cannot_be_used_would_fail_again() -> None:
    assert [told({"status": "failed", "message": text}).cause_is_permanent for text in FAILURES] == [
        True, False, False, False, False, True, False, False,
    ]  # fmt: skip


def test_a_failure_without_a_reason_gives_the_stage_not_a_line_about_progress() -> None:
    log = " /n Step:2 Training Done, 4 Steps to go : ETA : 15 minutes"
    answer = told({"status": "success", "messege": "training_failed", "data": log})
    assert answer.reason == "training_failed"


def test_a_ready_model_is_ready_whatever_its_log_says() -> None:
    assert (
        told({"status": "success", "messege": "model_ready", "data": "Training Failed: once"}).outcome
        is Outcome.READY
    )


def test_a_failed_verdict_with_words_that_no_call_uses_is_about_the_training() -> None:
    answer = told({"status": "failed", "messege": "CUDA out of memory"})
    assert (answer.outcome, answer.stage, answer.reason) == (
        Outcome.FAILED,
        "training_failed",
        "CUDA out of memory",
    )


@pytest.mark.parametrize(
    ("document", "http_status"),
    [
        (TRY_AGAIN, 200),
        ({"status": "failed", "messege": "Failed, Try Again"}, 200),
        ({"status": "failed", "messege": "CUDA out of memory"}, 500),
        ({"status": "failed", "messege": "Something went wrong"}, 200),
        ({"status": "failed", "messege": ""}, 200),
        ({"status": "error", "messege": "Words nobody documented"}, 200),
        ({"status": "error", "messege": "training_failed"}, 503),
        ({"messege": "Words nobody documented"}, 200),
        ([], 200),
    ],
)
def test_an_error_of_the_call_is_no_failed_training(document: Any, http_status: int) -> None:
    assert type(error_of(CALL, document, http_status)) is DreamboothTransientError


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("Invalid Api Key", DreamboothAuthError),
        ("Training not found", DreamboothNotFoundError),
        ("Insufficient credits. Please add more credits to continue.", DreamboothInsufficientCreditsError),
        ("Rate limit exceeded", DreamboothRateLimitError),
    ],
)
@pytest.mark.parametrize("verdict", ["error", "failed"])
def test_errors_of_the_call_stay_errors(text: str, error_class: type[DreamboothError], verdict: str) -> None:
    error = error_of(CALL, {"status": verdict, "messege": text})
    assert type(error) is error_class
    assert error.training_id == "X"


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success", "messege": "training_cancelled", "data": ""},
        {"status": "success", "messege": "cancelled", "data": ""},
        {"status": "error", "messege": "training_cancelled"},
        {"status": "error", "messege": "Training was cancelled", "data": ""},
    ],
)
def test_a_cancelled_training_is_cancelled(document: dict[str, Any]) -> None:
    assert told(document).outcome is Outcome.CANCELLED


def test_the_eta_comes_from_the_log_and_else_from_a_field_of_its_own() -> None:
    log = " /n Step:2 Training Done, 4 Steps to go : ETA : 15 minutes"
    assert (
        told(
            {"status": "success", "messege": "training_success", "data": log, "eta": "1 Minute"}
        ).progress.eta
        == 900
    )
    assert told({"status": "success", "messege": "training_success", "eta": "15 Minutes"}).progress.eta == 900
    assert told({"status": "success", "messege": "training_success", "eta": 0}).progress.eta == 0
    assert told({"status": "success", "messege": "training_success", "eta": "soon"}).progress.eta is None


def test_the_log_is_read_as_text_as_array_and_under_logs() -> None:
    line = "Step:1 Training Started, 5 Steps to go : ETA : 30 minutes"
    for document in ({"data": line}, {"data": [line]}, {"logs": line}, {"data": "", "logs": [line]}):
        progress = told({"status": "success", "messege": "training_started", **document}).progress
        assert (progress.step, progress.eta) == (1, 1800)


words = some.one_of(
    some.none(),
    some.booleans(),
    some.floats(),
    some.text(),
    some.sampled_from([*STAGES, "success", "failed", *FAILURES]),
)
values = some.recursive(
    words, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=5
)
KEYS = [
    "status",
    "messege",
    "message",
    "model_training_status",
    "training_status",
    "data",
    "logs",
    "eta",
    "test_image",
]


@settings(deadline=None)
@given(some.dictionaries(some.sampled_from(KEYS), values))
def test_no_document_breaks_the_reading_of_a_status(document: dict[str, Any]) -> None:
    reports_training(document)
    with contextlib.suppress(DreamboothTransientError):
        read_status(document, "X")
