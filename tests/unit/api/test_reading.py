# SPDX-License-Identifier: Apache-2.0
"""From an answer to a result or an error: whatever comes, it is one of the two."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.api import status_answer
from airflow_provider_dreambooth.api.call import Answer, ApiCall
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.model_calls import delete, list_models, reload
from airflow_provider_dreambooth.api.reading import read_answer
from airflow_provider_dreambooth.api.text_to_image import fetch, text_to_image
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.api.training_calls import cancel, start, status
from airflow_provider_dreambooth.api.upload_call import upload
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothRateLimitError,
    DreamboothTransientError,
)
from tests.unit.api.service_answers import IMAGES, INVALID_KEY, error_of

START: ApiCall[Any] = start(
    FineTuneRequest.checked(
        environment="sandbox",
        instance_prompt="photo of ohwx person",
        class_prompt="photo of person",
        images=IMAGES,
    ),
    Environment.SANDBOX,
)
CALLS: list[ApiCall[Any]] = [
    START,
    status("X", Environment.SANDBOX),
    cancel("X"),
    list_models(),
    delete("X"),
    reload("X", list(InferenceApi)),
    upload(b"\xff\xd8\xff"),
    text_to_image(TextToImageRequest.checked(model_id="X", prompt="a person"), list(InferenceApi)),
    fetch("13"),
]


def read_without_a_crash(http_status: int, body: bytes) -> None:
    for call in CALLS:
        message = "none"
        try:
            read_answer(call, Answer(http_status, body))
        except DreamboothError as error:
            message = str(error)
        assert message.isprintable()
        assert 0 < len(message) < 1500


WORDS = [
    "success", "error", "failed", "processing", "deploying_gpu", "model_ready", "training_failed", "Model not found",
    "Rate limit exceeded", "Training Failed: x", "https://a.example/api/v3/fetch/1", "ETA : 5 minutes", "\ud800", "\x00",
]  # fmt: skip
KEYS = [
    "status", "messege", "message", "error", "errors", "data", "training_id", "model_id", "id", "eta", "output", "meta",
    "fetch_result", "link", "request_id", "tip", "tips", "retry_after", "code", "logs", "model_training_status",
    "training_status", "future_links", "nsfw_content_detected", "seed", "inference", "test_image",
]  # fmt: skip
leaves = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.just(10**400),
    some.floats(),
    some.text(max_size=20),
    some.sampled_from(WORDS),
)
documents = some.recursive(
    leaves,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.sampled_from(KEYS) | some.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=12,
)
codes = some.sampled_from(
    [100, 200, 201, 204, 302, 400, 401, 402, 403, 404, 405, 413, 422, 429, 500, 502, 503, 524]
)


@settings(deadline=None)
@given(documents, codes)
def test_no_json_document_makes_reading_raise_anything_but_our_own_errors(
    document: Any, http_status: int
) -> None:
    read_without_a_crash(http_status, json.dumps(document).encode())


@settings(deadline=None)
@given(some.binary(max_size=300), codes)
def test_no_bytes_make_reading_raise_anything_but_our_own_errors(body: bytes, http_status: int) -> None:
    read_without_a_crash(http_status, body)


@settings(deadline=None)
@given(documents, some.integers(0, 200), codes)
def test_no_document_cut_short_does_either(document: Any, length: int, http_status: int) -> None:
    read_without_a_crash(http_status, json.dumps(document).encode()[:length])


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"messege":' * 700 + b"1" + b"}" * 700,
        b'{"status":"error","messege":' + b"[" * 700 + b"1" + b"]" * 700 + b"}",
        b'{"status":"success","data":' + b"[" * 700 + b'"x"' + b"]" * 700 + b"}",
        b"9" * 10_000,
        b'{"status":"processing","id":1,"eta":1e999,"meta":{"seed":1e400}}',
        b'\xef\xbb\xbf{"status":"success"}',
        '{"status":"success"}'.encode("utf-16"),
        b'{"status":"error","messege":"\\ud800\\u0000"}',
    ],
)
@pytest.mark.parametrize("http_status", [200, 404, 500])
def test_nesting_huge_numbers_and_odd_encodings_are_survived(body: bytes, http_status: int) -> None:
    read_without_a_crash(http_status, body)


def test_an_error_knows_the_training_of_its_call() -> None:
    error = error_of(status("X", Environment.SANDBOX), INVALID_KEY, 401)
    assert isinstance(error, DreamboothAuthError)
    assert error.training_id == "X"
    assert "training X" in str(error)


def test_a_refused_start_says_that_nothing_was_paid() -> None:
    error = error_of(START, INVALID_KEY)
    assert error.acceptance is Acceptance.NO
    assert str(error).endswith("The request was not accepted: nothing was paid.")
    assert str(error) == error.message == error.args[0]


@pytest.mark.parametrize(
    ("document", "http_status"),
    [
        ("<html>502</html>", 502),
        ("", 200),
        ('{"status":"succ', 200),
        ({"status": "error", "message": "Internal server error. Please try again."}, 500),
        ({"status": "error", "message": "Words nobody documented"}, 200),
        ({"status": "failed", "message": "Failed, Try Again"}, 200),
    ],
)
def test_a_start_whose_answer_is_lost_says_that_it_may_be_paid(document: Any, http_status: int) -> None:
    error = error_of(START, document, http_status)
    assert type(error) is DreamboothTransientError
    assert error.acceptance is Acceptance.UNKNOWN
    assert str(error).endswith("and charged for it: look into the account before you send it again.")


def test_a_start_that_met_a_limit_was_not_accepted_and_may_be_tried_again() -> None:
    error = error_of(START, {"status": "error", "message": "Rate limit exceeded", "retry_after": 30}, 429)
    assert isinstance(error, DreamboothRateLimitError)
    assert (error.acceptance, error.retry_after, error.permanent) == (Acceptance.NO, 30.0, False)


def test_a_call_that_costs_nothing_says_nothing_about_money() -> None:
    assert "paid" not in str(error_of(list_models(), INVALID_KEY))


def test_an_answer_that_is_the_same_as_before_is_not_read_again(mocker: MockerFixture) -> None:
    call, read = status("T1", Environment.SANDBOX), mocker.spy(status_answer, "read_status")
    call = replace(call, read=lambda document: status_answer.read_status(document, "T1"))
    started = Answer(200, b'{"status":"success","messege":"training_started"}')
    ready = Answer(200, b'{"status":"success","messege":"model_ready"}')
    stages = [read_answer(call, answer).stage for answer in (started, started, ready, ready, started)]
    assert stages == ["training_started"] * 2 + ["model_ready"] * 2 + ["training_started"]
    assert read.call_count == 3


def test_the_same_bytes_under_another_http_status_are_read_again() -> None:
    call = status("T1", Environment.SANDBOX)
    body = b'{"status":"error","messege":"training_started"}'
    assert read_answer(call, Answer(200, body)).stage == "training_started"
    with pytest.raises(DreamboothError):
        read_answer(call, Answer(500, body))


def test_an_error_is_read_each_time() -> None:
    call = status("T1", Environment.SANDBOX)
    answer = Answer(429, b'{"status":"error","message":"Rate limit exceeded"}', 7.0)
    for seconds in (7.0, 9.0):
        with pytest.raises(DreamboothRateLimitError) as caught:
            read_answer(call, replace(answer, retry_after=seconds))
        assert caught.value.retry_after == seconds


def test_a_long_answer_is_not_kept() -> None:
    call = status("T1", Environment.SANDBOX)
    answer = Answer(
        200, json.dumps({"status": "success", "messege": "training_started", "x": "y" * 5000}).encode()
    )
    read_answer(call, answer)
    assert call.last is not None
    assert call.last.meaning_of(answer) is None
