"""Rendering and fetching."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from airflow_provider_dreambooth.api.text_to_image import (
    TextToImageRequest,
    fetch,
    read_rendering,
    text_to_image,
)
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import FETCHED, PROCESSING, RENDERED, TRY_AGAIN, error_of, read

GOOD: dict[str, Any] = {"model_id": "F5jvdzGnYi", "prompt": " photo of ohwx person, astronaut "}


def test_a_request_goes_out_in_the_form_of_v4() -> None:
    request = TextToImageRequest.checked(
        **GOOD, samples=2, seed=7, parameters={"safety_checker": False, "upscale": "no", "highres_fix": True}
    )
    call = text_to_image(request)
    assert call.path == "/api/v4/dreambooth"
    assert call.body == {
        "model_id": "F5jvdzGnYi",
        "prompt": "photo of ohwx person, astronaut",
        "negative_prompt": None,
        "width": "512",
        "height": "512",
        "samples": "2",
        "num_inference_steps": "31",
        "guidance_scale": 7.5,
        "seed": 7,
        "webhook": None,
        "track_id": None,
        "safety_checker": "no",
        "upscale": "no",
        "highres_fix": "yes",
    }


@pytest.mark.parametrize(
    ("change", "fault", "mend"),
    [
        ({"model_id": ""}, "model_id is ''", "train.output"),
        ({"model_id": "None"}, "model_id is 'None'", "train.output"),
        ({"prompt": " "}, "prompt is empty", "instance prompt"),
        ({"prompt": 5}, "prompt is int", "instance prompt"),
        ({"negative_prompt": 5}, "negative_prompt is int", "Write text"),
        ({"width": 248}, "width is 248", "256 to 1024"),
        ({"height": 1032}, "height is 1032", "256 to 1024"),
        ({"width": 513}, "width is 513", "multiple of 8"),
        ({"samples": 0}, "samples is 0", "1 to 4"),
        ({"samples": 5}, "samples is 5", "1 to 4"),
        ({"samples": "two"}, "samples is 'two'", "whole number"),
        ({"num_inference_steps": 52}, "num_inference_steps is 52", "1 to 51"),
        ({"guidance_scale": 0.5}, "guidance_scale is 0.5", "1 to 20"),
        ({"guidance_scale": "much"}, "guidance_scale is 'much'", "1 to 20"),
        ({"guidance_scale": True}, "guidance_scale is True", "1 to 20"),
        ({"seed": -1}, "seed is -1", "whole number"),
        ({"parameters": {"key": "k"}}, "parameters['key']", "password field"),
        ({"parameters": {"seed": 1}}, "parameters['seed']", "Pass seed"),
        ({"parameters": {"guidance_scale": 1}}, "parameters['guidance_scale']", "Pass guidance_scale"),
        ({"parameters": "x"}, "parameters is str", "Write {'field': value}"),
    ],
)
def test_a_refusal_names_the_argument_and_the_mend(change: dict[str, Any], fault: str, mend: str) -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        TextToImageRequest.checked(**{**GOOD, **change})
    assert str(caught.value).startswith(fault)
    assert mend in str(caught.value)
    assert "nothing was paid" in str(caught.value)


def test_numbers_may_come_as_text_out_of_a_template() -> None:
    request = TextToImageRequest.checked(
        **GOOD,
        width="1024",
        height="256",
        samples="4",
        num_inference_steps="21",
        guidance_scale="8",
        seed="None",
    )
    assert (request.width, request.height, request.samples) == (1024, 256, 4)
    assert (request.num_inference_steps, request.guidance_scale, request.seed) == (21, 8.0, None)


def test_a_large_seed_keeps_every_digit() -> None:
    assert TextToImageRequest.checked(**GOOD, seed=2**53 + 1).body()["seed"] == 2**53 + 1


CALL = text_to_image(TextToImageRequest.checked(**GOOD))


def test_the_documented_success() -> None:
    rendering = read(CALL, RENDERED)
    assert rendering.ready
    assert rendering.urls == ("https://images.example/x-0.png",)
    assert (rendering.request_id, rendering.seed, rendering.blanked) == ("12632768", 4036347397, False)
    assert rendering.meta["n_samples"] == 1


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
    assert rendering.future_urls == ("https://images.example/f.png",)


def test_pictures_that_are_announced_but_not_there_yet_are_asked_for_again() -> None:
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
    rendering = read_rendering({"status": "processing", "id": 13, "fetch_result": fetch_result})
    assert rendering.fetch_path == path


def test_fetch_uses_the_named_place_and_else_the_form_of_v4() -> None:
    assert (fetch(13, "/api/v3/dreambooth/fetch/13").path, fetch(13, "/api/v3/x").body) == (
        "/api/v3/dreambooth/fetch/13",
        {},
    )
    call = fetch(13)
    assert (call.path, call.body) == ("/api/v4/dreambooth/fetch", {"request_id": "13"})
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
def test_a_picture_that_the_safety_checker_replaced_is_told(verdict: Any, blanked: bool) -> None:
    document = {**json.loads(RENDERED), "nsfw_content_detected": verdict}
    assert read(CALL, document).blanked is blanked


@pytest.mark.parametrize(
    ("seed", "read_as"), [(5, 5), ("5", 5), ("²", None), ("9" * 5000, None), (True, None), (None, None)]
)
def test_the_seed_is_a_number_or_not_told(seed: Any, read_as: int | None) -> None:
    assert read_rendering({"status": "processing", "id": 1, "meta": {"seed": seed}}).seed == read_as


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
        read_rendering(document)


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
    assert rendering.fetch_path is None
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
    assert read_rendering({"status": "processing", "id": 13, "fetch_result": place}).fetch_path is None
