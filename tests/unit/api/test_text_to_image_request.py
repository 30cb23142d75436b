# SPDX-License-Identifier: Apache-2.0
"""What may be rendered, how it goes out, and what is refused before anything is billed."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.exceptions import DreamboothValidationError

V4, V6 = InferenceApi.V4, InferenceApi.V6

GOOD: dict[str, Any] = {"model_id": "F5jvdzGnYi", "prompt": " photo of ohwx person, astronaut "}


def test_a_request_goes_out_in_the_form_of_v4() -> None:
    request = TextToImageRequest.checked(
        **GOOD, samples=2, seed=7, parameters={"safety_checker": False, "upscale": "no", "highres_fix": True}
    )
    assert request.body(V4) == {
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
    ("change", "fault", "fix"),
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
def test_a_refusal_names_the_argument_and_the_fix(change: dict[str, Any], fault: str, fix: str) -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        TextToImageRequest.checked(**{**GOOD, **change})
    assert str(caught.value).startswith(fault)
    assert fix in str(caught.value)
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
    assert TextToImageRequest.checked(**GOOD, seed=2**53 + 1).body(V4)["seed"] == 2**53 + 1


def test_steps_that_nobody_asked_for_are_those_that_the_form_renders() -> None:
    request = TextToImageRequest.checked(**GOOD)
    assert request.body(V4)["num_inference_steps"] == "31"
    assert request.body(V6)["num_inference_steps"] == "20"


@pytest.mark.parametrize(
    ("steps", "api", "warned"), [(None, V6, False), (20, V6, False), (31, V6, True), (31, V4, False)]
)
def test_steps_that_v6_does_not_render_are_warned_of_before(
    steps: int | None, api: InferenceApi, warned: bool
) -> None:
    warning = TextToImageRequest.checked(**GOOD, num_inference_steps=steps).warning_for(api)
    assert (warning is not None) is warned
    if warning is not None:
        assert "31 inference steps" in warning
        assert "20 at most" in warning


def test_a_lora_goes_out_beside_its_base_model() -> None:
    request = TextToImageRequest.checked(
        **{**GOOD, "model_id": "sdxl"}, lora_model="F5jvdzGnYi", lora_strength=0.7
    )
    for api in (V4, V6):
        body = request.body(api)
        assert (body["model_id"], body["lora_model"], body["lora_strength"]) == ("sdxl", "F5jvdzGnYi", "0.7")
    assert request.models == ("sdxl", "F5jvdzGnYi")


def test_without_a_lora_no_lora_is_sent() -> None:
    assert not {"lora_model", "lora_strength"} & set(TextToImageRequest.checked(**GOOD).body(V6))


def test_a_lora_among_the_parameters_means_the_same() -> None:
    older = TextToImageRequest.checked(**GOOD, parameters={"lora_model": "a,b", "lora_strength": "0.7"})
    assert older == TextToImageRequest.checked(**GOOD, lora_model=["a", "b"], lora_strength=0.7)


@pytest.mark.parametrize("nothing", ["None", "", [], ["None"]])
def test_a_lora_that_a_template_lost_is_refused_and_not_left_out(nothing: Any) -> None:
    with pytest.raises(DreamboothValidationError, match=r"^lora_model "):
        TextToImageRequest.checked(**GOOD, lora_model=nothing)


def test_a_lora_given_in_two_places_is_refused() -> None:
    with pytest.raises(DreamboothValidationError, match="is an argument of its own"):
        TextToImageRequest.checked(**GOOD, lora_model="a", parameters={"lora_strength": "0.7"})
