# SPDX-License-Identifier: Apache-2.0
"""Decoding, messages and the verdict of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dreambooth.api.answer import (
    LONGEST_TEXT,
    decode,
    error_in,
    flatten,
    is_route_missing,
    message_of,
    seconds_in,
    unreadable,
)
from airflow_provider_dreambooth.api.call import Answer
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
from tests.unit.api.service_answers import answer


def verdict(
    document: Any, http_status: int = 200, retry_after: float | None = None
) -> DreamboothError | None:
    return error_in(document, answer(document, http_status, retry_after), "a thing")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two  words\n", "two words"),
        (
            {"prompt": ["is required", "is empty"], "samples": "too many"},
            "prompt: is required; is empty; samples: too many",
        ),
        (["first", {"seed": ["second"]}], "first; seed: second"),
        ({"error": "Invalid Api Key"}, "Invalid Api Key"),
        (None, ""),
        (False, ""),
        (42, "42"),
        ({}, ""),
        ([None, ""], ""),
        ("bell\x07 nul\x00 half\ud800.", "bell nul half ."),
    ],
)
def test_flatten_makes_one_printable_line_of_any_message(value: Any, text: str) -> None:
    assert flatten(value) == text


def test_flatten_gives_up_on_endless_nesting() -> None:
    value: Any = "deep"
    for _ in range(5000):
        value = [value]
    assert flatten(value) == ""


def test_message_of_prefers_the_key_that_says_something() -> None:
    assert message_of({"messege": "", "message": "said"}) == "said"
    assert message_of({"messege": "said", "message": ""}) == "said"
    assert message_of({"error": "said"}) == "said"
    assert message_of("said") == "said"
    assert message_of([1]) == ""


@pytest.mark.parametrize(("value", "seconds"), [(30, 30.0), ("2.5", 2.5), (0, 0.0), ("0", 0.0)])
def test_seconds_in_reads_numbers_and_texts_of_numbers(value: Any, seconds: float) -> None:
    assert seconds_in(value) == seconds


@pytest.mark.parametrize("value", [None, True, -1, "soon", "nan", "inf", [], float("nan"), 10**400])
def test_seconds_in_takes_nothing_else_for_seconds(value: Any) -> None:
    assert seconds_in(value) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("größer".encode()[:3] + b"...", "gr\N{REPLACEMENT CHARACTER}..."),
        (b"first\nsecond\x00", "first\nsecond\x00"),
    ],
)
@pytest.mark.parametrize("end", [b"", b"\x00", b"\r\n"])
def test_a_text_with_broken_characters_or_line_breaks_loses_no_answer(
    body: bytes, text: str, end: bytes
) -> None:
    answer = Answer(200, b'{"status": "success", "training_logs": "' + body + b'"}' + end)
    assert decode(answer, "a thing") == {"status": "success", "training_logs": text}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "an empty body"),
        (b" \n", "an empty body"),
        (b"<!DOCTYPE html><h1>502 Bad Gateway</h1>", "an HTML page"),
        (b'{"status":"success","messege":', "a body that is not JSON"),
        (b"\xff\xfe\x00", "a body that is not JSON"),
        (b"[" * 100_000, "a body that is not JSON"),
    ],
)
@pytest.mark.parametrize("http_status", [200, 400, 403, 500, 502, 520, 524])
def test_a_body_that_is_no_json_is_a_transient_error_that_leaves_acceptance_unknown(
    body: bytes, kind: str, http_status: int
) -> None:
    with pytest.raises(DreamboothTransientError, match=kind) as caught:
        decode(Answer(http_status, body), "a thing")
    assert caught.value.acceptance is Acceptance.UNKNOWN
    assert caught.value.http_status == http_status


@pytest.mark.parametrize(
    ("http_status", "acceptance"),
    [(404, Acceptance.NO), (405, Acceptance.NO), (200, Acceptance.UNKNOWN), (502, Acceptance.UNKNOWN)],
)
def test_a_page_from_a_router_without_the_path_proves_that_nothing_was_accepted(
    http_status: int, acceptance: Acceptance
) -> None:
    with pytest.raises(DreamboothTransientError) as caught:
        decode(Answer(http_status, b"<html>no such page</html>"), "a new training")
    assert caught.value.acceptance is acceptance


@pytest.mark.parametrize(
    ("http_status", "error_class"),
    [
        (401, DreamboothAuthError),
        (402, DreamboothInsufficientCreditsError),
        (413, DreamboothValidationError),
        (422, DreamboothValidationError),
        (429, DreamboothRateLimitError),
    ],
)
def test_codes_that_mean_one_thing_are_believed_without_a_body(
    http_status: int, error_class: type[DreamboothError]
) -> None:
    with pytest.raises(error_class):
        decode(Answer(http_status, b""), "a thing")


def test_the_header_says_how_long_to_wait_when_the_body_cannot() -> None:
    with pytest.raises(DreamboothRateLimitError) as caught:
        decode(Answer(429, b"<html>", 12.0), "a thing")
    assert caught.value.retry_after == 12.0


@pytest.mark.parametrize("status", ["success", "processing", "Success"])
@pytest.mark.parametrize("http_status", [200, 404, 500])
def test_a_good_verdict_in_the_body_outweighs_the_code(status: str, http_status: int) -> None:
    assert verdict({"status": status}, http_status) is None


@pytest.mark.parametrize("status", ["error", "failed", "fail", "failure", "ERROR", False])
def test_a_bad_verdict_in_the_body_outweighs_http_200(status: Any) -> None:
    assert isinstance(verdict({"status": status, "messege": "Model not found"}), DreamboothNotFoundError)


@pytest.mark.parametrize("document", [{"status": "queued"}, {}, [], "text", None, 5])
def test_without_a_verdict_the_code_decides(document: Any) -> None:
    assert verdict(document, 200) is None
    assert isinstance(verdict(document, 404), DreamboothNotFoundError)
    assert isinstance(verdict(document, 500), DreamboothTransientError)


def test_an_error_key_is_a_verdict() -> None:
    assert isinstance(verdict({"error": "Invalid Api Key"}), DreamboothAuthError)
    assert verdict({"error": ""}) is None
    assert verdict({"error": None}) is None


def test_the_code_in_the_body_counts_where_http_says_200() -> None:
    assert isinstance(verdict({"status": "error", "messege": "Nope", "code": 404}), DreamboothNotFoundError)
    assert isinstance(
        verdict({"status": "error", "messege": "Nope", "code": 404}, 500), DreamboothTransientError
    )
    assert isinstance(verdict({"status": "error", "messege": "Nope", "code": 7}), DreamboothTransientError)


def test_rejected_fields_are_named_whatever_key_lists_them() -> None:
    for document in (
        {"status": "error", "message": {"samples": ["Too many."]}},
        {"status": "error", "messege": [{"samples": ["Too many."]}]},
        {"status": "error", "message": "The given data was invalid.", "errors": {"samples": ["Too many."]}},
    ):
        error = verdict(document)
        assert isinstance(error, DreamboothValidationError)
        assert "samples: Too many." in str(error)


def test_an_object_without_field_names_is_read_as_its_text() -> None:
    assert isinstance(
        verdict({"status": "error", "message": {"error": "Rate limit exceeded"}}), DreamboothRateLimitError
    )


def test_a_missing_key_field_is_a_matter_of_the_key() -> None:
    error = verdict({"status": "error", "message": {"key": ["The key field is required."]}}, 422)
    assert isinstance(error, DreamboothAuthError)


@pytest.mark.parametrize(
    ("document", "header", "seconds"),
    [
        ({"retry_after": 30}, None, 30.0),
        ({"retry_after": "7"}, 9.0, 7.0),
        ({"retry_after": 0}, 9.0, 0.0),
        ({}, 9.0, 9.0),
        ({"tips": "please wait for 30 seconds before you try"}, None, 30.0),
        ({"tip": "wait 5 sec"}, None, 5.0),
        ({}, None, None),
    ],
)
def test_how_long_to_wait_is_read_from_body_header_and_words(
    document: dict[str, Any], header: float | None, seconds: float | None
) -> None:
    error = verdict({"status": "error", "message": "Rate limit exceeded", **document}, 200, header)
    assert isinstance(error, DreamboothRateLimitError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("http_status", "body", "missing"),
    [
        (404, b"<html>404</html>", True),
        (405, json.dumps({"message": "The GET method is not supported."}).encode(), True),
        (404, json.dumps({"message": "The route api/v3/x could not be found."}).encode(), True),
        (404, b"[" * 100_000, True),
        (404, json.dumps({"status": "error", "messege": "Training not found", "code": 404}).encode(), False),
        (200, b"<html>", False),
        (500, b"<html>", False),
    ],
)
def test_a_route_is_missing_only_when_the_router_says_so(
    http_status: int, body: bytes, missing: bool
) -> None:
    assert is_route_missing(Answer(http_status, body)) is missing


def test_unreadable_leaves_acceptance_unknown() -> None:
    error = unreadable("training X", "a list", training_id="X")
    assert error.acceptance is Acceptance.UNKNOWN
    assert error.training_id == "X"
    assert "training X with a list" in str(error)


def test_a_text_of_megabytes_is_cut() -> None:
    assert flatten("x" * 5_000_000) == "x" * LONGEST_TEXT + "…"
    assert len(flatten({"field": ["y" * 5000] * 500})) <= LONGEST_TEXT + 1
    error = error_in({"status": "error", "message": "z" * 5_000_000}, Answer(200, b""), "training a")
    assert error is not None
    assert len(str(error)) < 1000


def test_signs_that_turn_the_direction_of_writing_or_control_a_terminal_are_left_out() -> None:
    assert flatten("done\u202egnp.exe\x1b[31m\x07\u2066!\ud800") == "done gnp.exe [31m !"


@pytest.mark.parametrize("text", ["1e308", 1e308, 10**300, "99999999"])
def test_a_time_of_ages_counts_as_a_month(text: object) -> None:
    assert seconds_in(text) == 30 * 86_400
