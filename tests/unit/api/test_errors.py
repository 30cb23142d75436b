# SPDX-License-Identifier: Apache-2.0
"""Which error a text and a code mean: every row of the service's error table, and what must not be mistaken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dreambooth.api.answer import decode, error_in
from airflow_provider_dreambooth.api.call import Answer
from airflow_provider_dreambooth.api.errors import classify, documented_class
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

DOCUMENTED: list[tuple[str, int, type[DreamboothError]]] = [
    ("Invalid Api Key", 401, DreamboothAuthError),
    ("Invalid API key", 401, DreamboothAuthError),
    ("prompt is required", 400, DreamboothValidationError),
    ("samples must be between 1 and 4", 400, DreamboothValidationError),
    ("height must be divisible by 8", 400, DreamboothValidationError),
    ("Unable to fetch image from provided URL", 400, DreamboothValidationError),
    ("Rate limit exceeded", 429, DreamboothRateLimitError),
    ("Rate limit exceeded. Maximum 5 queued requests allowed.", 429, DreamboothRateLimitError),
    ("Model id not found", 404, DreamboothNotFoundError),
    ("Model not found", 404, DreamboothNotFoundError),
    ("Model not found: F5jvdzGnYi", 400, DreamboothNotFoundError),
    ("Training request not found.", 404, DreamboothNotFoundError),
    ("Insufficient credits. Please add more credits to continue.", 402, DreamboothInsufficientCreditsError),
    ("This feature requires a premium subscription", 403, DreamboothAuthError),
    ("Failed, Try Again", 500, DreamboothTransientError),
    ("Internal server error. Please try again.", 500, DreamboothTransientError),
    ("Service temporarily unavailable. Please try again later.", 503, DreamboothTransientError),
    ("Training has already finished.", 400, DreamboothValidationError),
    ("Invalid API Request", 400, DreamboothValidationError),
    ("Request not found", 404, DreamboothNotFoundError),
]


def classed(text: str, http_status: int = 200) -> type[DreamboothError]:
    return type(classify(http_status=http_status, text=text, about="a thing"))


@pytest.mark.parametrize(("text", "code", "error_class"), DOCUMENTED)
def test_documented_texts_mean_the_same_with_http_200_and_with_their_own_code(
    text: str, code: int, error_class: type[DreamboothError]
) -> None:
    assert classed(text, 200) is error_class
    assert classed(text, code) is error_class
    assert classed(text.upper(), 200) is error_class
    assert documented_class(text) is error_class


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("API key is missing", DreamboothAuthError),
        ("API key not found", DreamboothAuthError),
        ("The key field is required.", DreamboothAuthError),
        ("Unauthenticated.", DreamboothAuthError),
        ("error: Invalid Api Key", DreamboothAuthError),
        ("Not available in your plan", DreamboothAuthError),
        ("Too many requests", DreamboothRateLimitError),
        ("You don't have enough credits", DreamboothInsufficientCreditsError),
        ("You do not have enough model credits left", DreamboothInsufficientCreditsError),
        ("You have run out of credits", DreamboothInsufficientCreditsError),
        ("Credits are exhausted", DreamboothInsufficientCreditsError),
        ("No models left, please buy more models", DreamboothInsufficientCreditsError),
        ("Insufficient wallet balance", DreamboothInsufficientCreditsError),
        ("Please add funds to your wallet", DreamboothInsufficientCreditsError),
        ("You have exceeded your plan limit", DreamboothAuthError),
        ("Your plan's monthly quota is used up: you reached your plan's monthly quota", DreamboothAuthError),
        ("Plan limit exceeded", DreamboothAuthError),
        ("Subscription quota has been reached", DreamboothAuthError),
        ("Training not found", DreamboothNotFoundError),
        ("Training id F5jvdzGnYi not found", DreamboothNotFoundError),
        ("model_id does not exist", DreamboothNotFoundError),
        ("No such training", DreamboothNotFoundError),
        ("Not found.", DreamboothNotFoundError),
        ("GPU server is busy", DreamboothTransientError),
        ("The request timed out", DreamboothTransientError),
        ("Something went wrong", DreamboothTransientError),
        ("The selected model id is invalid.", DreamboothValidationError),
    ],
)
def test_likely_relatives_of_documented_texts_are_recognised(
    text: str, error_class: type[DreamboothError]
) -> None:
    assert classed(text) is error_class
    assert documented_class(text) is error_class


@pytest.mark.parametrize(
    "text",
    [
        "Blocked words in photo of a man with a credit card",
        "Credits to the author are missing from the picture",
        'The text "rate limit exceeded" is refused by the filter',
        "The text 'Invalid Api Key' is refused by the filter",
        "Banned prompt: sign that says model not found",
        "See https://example.com/model-not-found?why=rate-limit",
        "Image 3 was not found",
        "Forbidden word in the text",
        "A busy street is refused",
        "The learning rate limit differs",
        "CUDA out of memory",
        "An author who is not found of models",
        "Invalid response from the worker",
        "Unauthorised use of a face",
    ],
)
def test_everyday_words_and_echoed_input_are_not_mistaken_for_an_error_class(text: str) -> None:
    assert documented_class(text) is None
    error = classify(http_status=200, text=text, about="a thing")
    assert type(error) is DreamboothTransientError
    assert error.acceptance is Acceptance.UNKNOWN
    assert "This answer is not documented" in str(error)
    assert text in str(error)


def test_an_image_that_cannot_be_fetched_is_no_error_of_the_key_or_an_id() -> None:
    for detail in ("401 Unauthorized", "model not found", "please try again"):
        assert classed(f"Unable to fetch image from provided URL ({detail})") is DreamboothValidationError


def test_the_key_of_another_service_is_not_the_account_key() -> None:
    assert classed("wandb api key is invalid") is DreamboothValidationError


@pytest.mark.parametrize(
    ("http_status", "error_class"),
    [
        (400, DreamboothValidationError),
        (401, DreamboothAuthError),
        (402, DreamboothInsufficientCreditsError),
        (403, DreamboothAuthError),
        (404, DreamboothNotFoundError),
        (422, DreamboothValidationError),
        (429, DreamboothRateLimitError),
        (405, DreamboothTransientError),
        (500, DreamboothTransientError),
        (503, DreamboothTransientError),
        (524, DreamboothTransientError),
    ],
)
@pytest.mark.parametrize("text", ["", "Words nobody documented"])
def test_the_code_decides_where_the_text_says_nothing(
    http_status: int, text: str, error_class: type[DreamboothError]
) -> None:
    assert classed(text, http_status) is error_class


def test_everyday_words_do_not_outweigh_a_code_that_says_otherwise() -> None:
    assert classed("seed is required to try again", 400) is DreamboothValidationError
    assert classed("seed must be a number", 500) is DreamboothTransientError
    assert classed("unavailable", 404) is DreamboothNotFoundError


def test_named_fields_do_not_make_a_server_error_a_refusal() -> None:
    error = classify(http_status=500, text="worker: died", about="a thing", fields=("worker",))
    assert type(error) is DreamboothTransientError


def test_documented_rejections_prove_that_nothing_was_accepted_and_transient_errors_do_not() -> None:
    for text, code, error_class in DOCUMENTED:
        expected = Acceptance.UNKNOWN if error_class is DreamboothTransientError else Acceptance.NO
        for http_status in (200, code):
            assert classify(http_status=http_status, text=text, about="x").acceptance is expected


def test_the_message_shows_the_call_the_services_words_the_code_and_what_to_do() -> None:
    error = classify(http_status=401, text="Invalid Api Key", about="training X", tip="Look again")
    assert "training X" in str(error)
    assert '"Invalid Api Key" (HTTP 401)' in str(error)
    assert "password field" in str(error)
    assert "The service's tip: Look again" in str(error)
    assert error.http_status == 401


def test_the_message_tells_the_pause_that_the_service_asks_for() -> None:
    error = classify(http_status=429, text="Rate limit exceeded", about="x", retry_after=30)
    assert isinstance(error, DreamboothRateLimitError)
    assert error.retry_after == 30
    assert "asks to wait 30 s" in str(error)
    passing = classify(http_status=503, text="", about="x", retry_after=3)
    assert isinstance(passing, DreamboothTransientError)
    assert passing.retry_after == 3


def test_a_very_long_text_is_shortened() -> None:
    error = classify(http_status=500, text="long " * 100_000, about="x")
    assert len(str(error)) < 800


@pytest.mark.parametrize(
    ("status", "document", "retry_after", "whole_account"),
    [
        (
            429,
            {"message": "Rate limit exceeded. Maximum 5 queued requests allowed.", "retry_after": 30},
            None,
            True,
        ),
        (200, {"message": "Rate limit exceeded. Maximum 5 queued requests allowed."}, None, True),
        (200, {"message": "Maximum 5 queued requests allowed, wait for 30 seconds"}, None, True),
        (429, {"message": "Too Many Attempts."}, None, True),
        (429, {"message": "Rate limit exceeded"}, 30.0, True),
        (
            200,
            {"message": "Rate limit exceeded", "tips": "Please wait for 30 seconds before trying again"},
            None,
            False,
        ),
        (429, {"message": "Rate limit exceeded"}, None, False),
        (429, {"message": "Duplicate request detected", "retry_after": 30}, None, False),
    ],
)
def test_a_full_queue_concerns_the_account_and_a_repeated_request_itself_alone(
    status: int, document: dict[str, Any], retry_after: float | None, whole_account: bool
) -> None:
    answer = Answer(status, json.dumps({"status": "error", **document}).encode(), retry_after)
    error = error_in({"status": "error", **document}, answer, "training a")
    assert isinstance(error, DreamboothRateLimitError)
    assert error.whole_account is whole_account


def test_a_page_of_a_server_in_between_concerns_the_account() -> None:
    with pytest.raises(DreamboothRateLimitError) as caught:
        decode(Answer(429, b"<html>429 Too Many Requests</html>"), "training a")
    assert caught.value.whole_account
