# SPDX-License-Identifier: Apache-2.0
"""Rendering and fetching."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.text_to_image import fetch, read_rendering, text_to_image
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import (
    FETCHED,
    PROCESSING,
    PROCESSING_V6,
    RENDERED,
    RENDERED_V6,
    TRY_AGAIN,
    error_of,
    read,
)

V4, V6 = InferenceApi.V4, InferenceApi.V6

REQUEST = TextToImageRequest.checked(model_id="F5jvdzGnYi", prompt="photo of ohwx person, astronaut")
CALL = text_to_image(REQUEST, [V4])


def test_a_billed_request_is_sent_again_only_when_nothing_was_accepted() -> None:
    call = text_to_image(REQUEST, [V6, V4])
    assert call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED
    assert call.fallback is not None
    assert call.fallback.repeat is Repeat.ONLY_IF_NOT_ACCEPTED
    assert fetch("13").repeat is Repeat.FREELY


def test_a_lost_answer_to_a_billed_request_says_that_it_may_be_paid() -> None:
    error = error_of(CALL, {"status": "processing"})
    assert error.acceptance is Acceptance.UNKNOWN
    assert "may have accepted it, and charged for it" in str(error)


def test_the_forms_are_tried_in_order_each_with_its_own_path_and_steps() -> None:
    call = text_to_image(REQUEST, [V6, V4])
    assert (call.path, call.body["num_inference_steps"]) == ("/api/v6/images/text2img", "20")
    other = call.fallback
    assert other is not None
    assert (other.path, other.body["num_inference_steps"]) == ("/api/v4/dreambooth", "31")
    assert other.fallback is None


@pytest.mark.parametrize("api", [V4, V6])
def test_an_answer_tells_which_form_gave_it(api: InferenceApi) -> None:
    assert read(text_to_image(REQUEST, [api]), RENDERED).inference_api is api


def test_the_documented_success_of_v6() -> None:
    rendering = read(text_to_image(REQUEST, [V6]), RENDERED_V6)
    assert rendering.urls == ("https://example.invalid/0.png",)
    assert (rendering.steps, rendering.blanked) == (20, False)


def test_the_documented_processing_answer_of_v6() -> None:
    rendering = read(text_to_image(REQUEST, [V6]), PROCESSING_V6)
    assert (rendering.ready, rendering.request_id, rendering.eta) == (False, "1", 10)
    assert rendering.fetch_path == "/api/v6/images/fetch/1"


def test_the_documented_success() -> None:
    rendering = read(CALL, RENDERED)
    assert rendering.ready
    assert rendering.urls == ("https://images.example/x-0.png",)
    assert (rendering.request_id, rendering.seed, rendering.blanked) == ("12632768", 4036347397, False)
    assert rendering.steps == 20


def test_the_documented_processing_answer() -> None:
    rendering = read(CALL, PROCESSING)
    assert not rendering.ready
    assert rendering.urls == ()
    assert rendering.request_id == "13481504"
    assert rendering.eta == pytest.approx(29.248, abs=0.001)
    assert rendering.fetch_path == "/api/v3/dreambooth/fetch/13481504"


def test_the_documented_fetched_answer() -> None:
    assert read(fetch("12202888"), FETCHED).urls == ("https://images.example/y-0.png",)


def test_failed_try_again_is_a_transient_error() -> None:
    error = error_of(CALL, TRY_AGAIN)
    assert isinstance(error, DreamboothTransientError)
    assert error.training_id == "F5jvdzGnYi"


@pytest.mark.parametrize("output", [[], "", None])
def test_output_may_be_empty_in_any_way_while_processing(output: Any) -> None:
    document = {
        **json.loads(PROCESSING),
        "output": output,
        "eta": 3,
        "future_links": ["https://images.example/f.png"],
    }
    rendering = read(CALL, document)
    assert (rendering.ready, rendering.eta) == (False, 3.0)


def test_images_that_are_announced_but_not_ready_yet_are_asked_for_again() -> None:
    rendering = read(CALL, {"status": "success", "id": 5, "output": []})
    assert (rendering.ready, rendering.request_id) == (False, "5")


@pytest.mark.parametrize(
    "document", [{"status": "success", "output": []}, {"status": "processing", "id": ""}, [], "x"]
)
def test_an_answer_that_leads_nowhere_is_a_transient_error(document: Any) -> None:
    assert isinstance(error_of(CALL, document), DreamboothTransientError)


@pytest.mark.parametrize(
    ("fetch_result", "path"),
    [
        ("https://stablediffusionapi.com/api/v3/dreambooth/fetch/13", "/api/v3/dreambooth/fetch/13"),
        ("https://elsewhere.example/api/v3/fetch/13?to=me#x", "/api/v3/fetch/13"),
        ("/api/v6/images/fetch/13", "/api/v6/images/fetch/13"),
        ("https://elsewhere.example/steal", None),
        ("https://stablediffusionapi.com/api/../admin", None),
        ("https://stablediffusionapi.com/api/\ud800", None),
        ("https://[::1", None),
        ("", None),
        (17, None),
    ],
)
def test_of_fetch_result_only_a_path_of_the_api_is_used(fetch_result: Any, path: str | None) -> None:
    rendering = read_rendering({"status": "processing", "id": 13, "fetch_result": fetch_result}, V4)
    assert rendering.fetch_path == (path or "/api/v4/dreambooth/fetch")


@pytest.mark.parametrize(
    ("fetch_path", "apis", "places"),
    [
        (None, None, ["/api/v4/dreambooth/fetch", "/api/v6/images/fetch"]),
        (None, [V6], ["/api/v6/images/fetch"]),
        (
            "/api/v3/dreambooth/fetch/13",
            [V6],
            ["/api/v3/dreambooth/fetch/13", "/api/v4/dreambooth/fetch", "/api/v6/images/fetch"],
        ),
        (
            "/api/v6/images/fetch/13",
            [V4],
            ["/api/v6/images/fetch/13", "/api/v6/images/fetch", "/api/v4/dreambooth/fetch"],
        ),
        ("/api/v6/images/fetch", None, ["/api/v6/images/fetch", "/api/v4/dreambooth/fetch"]),
    ],
)
def test_a_fetch_asks_the_named_place_then_those_of_the_forms(
    fetch_path: str | None, apis: list[InferenceApi] | None, places: list[str]
) -> None:
    call: Any = fetch(13, fetch_path, *([] if apis is None else [apis]))
    asked = []
    while call is not None:
        asked.append(call.path)
        assert call.body == ({"request_id": "13"} if call.path.endswith("/fetch") else {})
        call = call.fallback
    assert asked == places


def test_a_fetch_of_nothing_is_refused() -> None:
    with pytest.raises(DreamboothValidationError, match=r"^request_id is"):
        fetch("")


@pytest.mark.parametrize(
    ("verdict", "blanked"),
    [
        (True, True),
        ([False, True], True),
        ("true", True),
        (False, False),
        ([False], False),
        ("no", False),
        (None, False),
    ],
)
def test_an_image_that_the_safety_checker_replaced_is_reported(verdict: Any, blanked: bool) -> None:
    document = {**json.loads(RENDERED), "nsfw_content_detected": verdict}
    assert read(CALL, document).blanked is blanked


@pytest.mark.parametrize(
    ("seed", "read_as"), [(5, 5), ("5", 5), ("²", None), ("9" * 5000, None), (True, None), (None, None)]
)
def test_the_seed_is_a_number_or_unknown(seed: Any, read_as: int | None) -> None:
    assert read_rendering({"status": "processing", "id": 1, "meta": {"seed": seed}}, V4).seed == read_as


values = some.recursive(
    some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text()),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=5,
)
KEYS = [
    "status",
    "output",
    "id",
    "request_id",
    "eta",
    "fetch_result",
    "future_links",
    "meta",
    "nsfw_content_detected",
]


@settings(deadline=None)
@given(some.dictionaries(some.sampled_from(KEYS), values))
def test_no_document_breaks_the_reading_of_a_rendering(document: dict[str, Any]) -> None:
    with contextlib.suppress(DreamboothTransientError):
        read_rendering(document, V4)


@pytest.mark.parametrize("call", [fetch("13"), fetch("13", "/api/v6/images/fetch/13")])
def test_a_repeated_fetch_that_names_no_request_is_still_processing(call: Any) -> None:
    rendering = read(call, {"status": "processing", "messege": "Request processing"})
    assert not rendering.ready
    assert rendering.request_id == "13"


def test_a_fetch_that_says_nothing_of_the_rendering_is_a_transient_error() -> None:
    assert isinstance(error_of(fetch("13"), {"messege": "hello"}), DreamboothTransientError)


def test_a_request_that_the_service_does_not_know_is_final() -> None:
    unknown = {
        "status": "failed",
        "id": "",
        "message": "Request not found",
        "output": "",
        "tip": "Get 20x faster image generation using enterprise plan",
    }
    error = error_of(fetch("13"), unknown)
    assert isinstance(error, DreamboothNotFoundError)
    assert error.permanent
    assert "enterprise" not in str(error)


def test_a_malformed_request_is_refused_and_was_not_accepted() -> None:
    error = error_of(CALL, {"status": "error", "message": "Invalid API Request", "tip": "1. Content-Type"})
    assert isinstance(error, DreamboothValidationError)
    assert error.acceptance is Acceptance.NO


@pytest.mark.parametrize("proxies", [None, [], ["https://example.invalid/p0.png"], "x"])
def test_tips_and_proxy_links_are_not_read(proxies: Any) -> None:
    document = {
        "status": "success",
        "id": 1,
        "output": ["https://example.invalid/0.png"],
        "proxy_links": proxies,
        "tip": "faster at http://sdapi_backend.test/enterprise",
    }
    rendering = read(fetch("1"), document)
    assert rendering.urls == ("https://example.invalid/0.png",)
    assert rendering.fetch_path == V4.fetch_path
    assert "sdapi_backend" not in repr(rendering)


def test_an_old_processing_answer_announces_links_that_are_no_results_yet() -> None:
    document = r"""{"status":"processing","tip":"Get 20x faster","tip_1":"x","eta":6,
    "messege":"Try to fetch request after seconds estimated",
    "fetch_result":"https:\/\/example.invalid\/api\/v3\/fetch\/1","id":1,"output":"",
    "future_links":["https:\/\/example.invalid\/0.png"]}"""
    rendering = read(CALL, document)
    assert (rendering.ready, rendering.urls, rendering.eta) == (False, (), 6)
    assert rendering.fetch_path == "/api/v3/fetch/1"


@pytest.mark.parametrize("place", ["/api/v3/finetune/delete/13", "/api/v3/x", "/api/fetch/../../x"])
def test_a_place_to_fetch_from_that_is_no_fetch_is_not_asked(place: str) -> None:
    assert (
        read_rendering({"status": "processing", "id": 13, "fetch_result": place}, V6).fetch_path
        == V6.fetch_path
    )
