# SPDX-License-Identifier: Apache-2.0
"""Every refusal before money is spent names the field and the fix, and says that nothing was paid."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2.nativetypes import NativeEnvironment

from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.fine_tune_rules import LEARNING_RATES, check_parameters, is_link
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothValidationError
from tests.unit.api.service_answers import IMAGES

GOOD: dict[str, Any] = {
    "environment": "production",
    "instance_prompt": "photo of ohwx person",
    "class_prompt": "photo of person",
    "images": IMAGES,
    "base_model_id": "portraitplus-diffusion",
}

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"environment": "prod"}, "environment is 'prod'", "Use sandbox or production"),
    ({"method": "hypernetwork"}, "method is 'hypernetwork'", "Use one of dreambooth, dreambooth_v2, lora"),
    ({"method": ["lora"]}, "method is ['lora']", "Use one of"),
    (
        {"method": "lora", "environment": "sandbox", "base_model_id": None},
        "method is 'lora'",
        "environment to production",
    ),
    ({"instance_prompt": " "}, "instance_prompt is empty", "Write the prompt"),
    ({"instance_prompt": None}, "instance_prompt is empty", "Write the prompt"),
    ({"instance_prompt": "None"}, "instance_prompt is empty", "Write the prompt"),
    ({"class_prompt": ""}, "class_prompt is empty", "Write the prompt"),
    ({"class_prompt": 5}, "class_prompt is 5, int and not text", "render_template_as_native_obj"),
    ({"images": IMAGES[0]}, "images is a single text", "Write images=["),
    ({"images": b"https://images.example/1.png"}, "images is a single text", "Write images=["),
    ({"images": None}, "images is NoneType", "Write a list of links"),
    ({"images": {"a": 1}}, "images is dict", "Write a list of links"),
    ({"images": 7}, "images is int", "Write a list of links"),
    ({"images": set(IMAGES)}, "images is a set", "Write a list of links"),
    ({"images": []}, "images has 0 images", "Give at least 3"),
    ({"images": IMAGES[:1]}, "images has 1 image.", "Give at least 3"),
    ({"images": IMAGES[:2]}, "images has 2 images", "Give at least 3"),
    ({"images": [*IMAGES, "face.png"]}, "images[7] is 'face.png'", "direct, public links"),
    ({"images": [*IMAGES, "ftp://images.example/1.png"]}, "images[7] is 'ftp:", "direct, public links"),
    ({"images": [*IMAGES, "s3://bucket/1.png"]}, "images[7] is 's3:", "direct, public links"),
    ({"images": [*IMAGES, "https://"]}, "images[7] is 'https://'", "direct, public links"),
    ({"images": [*IMAGES, "https://a b/1.png"]}, "images[7] is 'https://a b", "direct, public links"),
    ({"images": [*IMAGES, "https://[::1"]}, "images[7] is", "direct, public links"),
    ({"images": [*IMAGES, None]}, "images[7] is None", "direct, public links"),
    ({"training_type": "Men"}, "training_type is 'Men'", "Use one of men, female, couple or None"),
    ({"training_type": "women"}, "training_type is 'women'", "'female' is the service's word"),
    ({"training_type": ["men"]}, "training_type is ['men']", "Use one of"),
    ({"max_train_steps": 0}, "max_train_steps is 0", "takes 1 to 2000"),
    ({"max_train_steps": 2001}, "max_train_steps is 2001", "takes 1 to 2000"),
    ({"max_train_steps": "many"}, "max_train_steps is 'many'", "whole number"),
    ({"max_train_steps": True}, "max_train_steps is True", "whole number"),
    (
        {"method": "lora", "base_model_id": None, "max_train_steps": 9},
        "max_train_steps is 9",
        "takes 10 to 50",
    ),
    (
        {"method": "lora", "base_model_id": None, "max_train_steps": 51},
        "max_train_steps is 51",
        "takes 10 to 50",
    ),
    ({"method": "dreambooth_v2", "max_train_steps": 100}, "max_train_steps is set", "steps_unet"),
    ({"seed": -1}, "seed is -1", "from 0, or None"),
    ({"seed": "x"}, "seed is 'x'", "whole number"),
    ({"environment": "sandbox"}, "base_model_id is set, and the sandbox", "environment to production"),
    ({"method": "lora"}, "base_model_id is set, and method 'lora'", "base_model_type"),
    ({"base_model_id": ["a"]}, "base_model_id is ['a']", "Write the model's id"),
    ({"webhook": "me"}, "webhook is 'me'", "Give a public link"),
    ({"parameters": ["a"]}, "parameters is list", "Write {'field': value}"),
    ({"parameters": {"key": "k"}}, "parameters['key']", "password field"),
    ({"parameters": {"seed": 1}}, "parameters['seed']", "Pass seed=..."),
    (
        {"parameters": {"learning_rate_unet": "2e-6"}},
        "parameters['learning_rate_unet']",
        "method='dreambooth_v2'",
    ),
    ({"parameters": {"negative_prompt": "hat"}}, "parameters['negative_prompt']", "method='lora'"),
    (
        {"method": "dreambooth_v2", "parameters": {"lora_type": "lora"}},
        "parameters['lora_type']",
        "method='lora'",
    ),
    (
        {"method": "dreambooth_v2", "parameters": {"learning_rate_unet": "1e-4"}},
        "parameters['learning_rate_unet'] is '1e-4'",
        "'2e-6'",
    ),
    (
        {"method": "dreambooth_v2", "parameters": {"learning_rate_text_encoder": 1e-4}},
        "parameters['learning_rate_text_encoder'] is 0.0001",
        "as text",
    ),
    ({"method": "dreambooth_v2", "parameters": {"steps_unet": 0}}, "parameters['steps_unet'] is 0", "from 1"),
    (
        {"method": "lora", "base_model_id": None, "parameters": {"base_model_type": "xl"}},
        "parameters['base_model_type'] is 'xl'",
        "normal, sdxl",
    ),
    (
        {"method": "lora", "base_model_id": None, "parameters": {"lora_type": "x"}},
        "parameters['lora_type'] is 'x'",
        "lora, lycoris",
    ),
]


@pytest.mark.parametrize(("change", "fault", "fix"), REFUSED)
def test_a_refusal_names_the_field_and_the_fix_and_says_that_nothing_was_paid(
    change: dict[str, Any], fault: str, fix: str
) -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        FineTuneRequest.checked(**{**GOOD, **change})
    message = str(caught.value)
    assert message.startswith(fault)
    assert fix in message
    assert message.endswith("Nothing was sent to the service and nothing was paid.")
    assert caught.value.acceptance is Acceptance.NO
    assert caught.value.permanent


@pytest.mark.parametrize("number", [3, 6])
def test_fewer_than_seven_images_are_taken_with_a_warning(number: int) -> None:
    request = FineTuneRequest.checked(**{**GOOD, "images": IMAGES[:number]})
    assert request.warnings == (
        f"images has {number} images; the service advises 7 or 8 for a good likeness.",
    )


def test_an_image_given_twice_is_refused() -> None:
    # Three times the same one would be fewer than three for the service, which fails the training after it is paid.
    with pytest.raises(DreamboothValidationError, match="more than once"):
        FineTuneRequest.checked(**{**GOOD, "images": [*IMAGES, f" {IMAGES[0]} "]})


def test_a_good_request_has_no_warning() -> None:
    assert FineTuneRequest.checked(**GOOD).warnings == ()


def test_production_without_a_base_model_is_taken_with_a_warning() -> None:
    request = FineTuneRequest.checked(**{**GOOD, "base_model_id": ""})
    assert request.base_model_id is None
    assert "base_model_id is not set" in request.warnings[0]


@pytest.mark.parametrize("images", [tuple(IMAGES), iter(IMAGES), [f" {link}\n" for link in IMAGES]])
def test_anything_with_an_order_can_hold_the_images(images: Any) -> None:
    assert FineTuneRequest.checked(**{**GOOD, "images": images}).images == tuple(IMAGES)


@pytest.mark.parametrize("value", ["men", "female", "couple"])
def test_the_services_training_types(value: str) -> None:
    assert FineTuneRequest.checked(**{**GOOD, "training_type": value}).training_type == value


@pytest.mark.parametrize("value", [None, "", "null", "none", "None"])
def test_null_and_the_words_for_it_are_no_training_type(value: Any) -> None:
    assert FineTuneRequest.checked(**{**GOOD, "training_type": value}).training_type is None


@pytest.mark.parametrize(
    ("method", "steps"), [("dreambooth", 1), ("dreambooth", "2000"), ("lora", 10), ("lora", 50)]
)
def test_steps_at_the_ends_of_the_range_are_taken(method: str, steps: Any) -> None:
    base = None if method == "lora" else "portraitplus-diffusion"
    request = FineTuneRequest.checked(
        **{**GOOD, "method": method, "base_model_id": base, "max_train_steps": steps}
    )
    assert request.max_train_steps == int(steps)


def test_the_list_of_learning_rates_is_the_services() -> None:
    assert len(LEARNING_RATES) == 61
    assert {"1e-5", "1e-10", "2e-0", "6e-10", "2e-6"} <= LEARNING_RATES
    assert not {"1e-4", "1e-0", "7e-6", "2e-11"} & LEARNING_RATES


@pytest.mark.parametrize("rate", sorted(LEARNING_RATES))
def test_every_listed_learning_rate_is_taken(rate: str) -> None:
    fields = {"learning_rate_unet": rate, "learning_rate_text_encoder": rate, "steps_unet": "1500"}
    request = FineTuneRequest.checked(**{**GOOD, "method": "dreambooth_v2", "parameters": fields})
    assert request.parameters == fields


def test_fields_that_no_page_has_are_passed_on() -> None:
    assert FineTuneRequest.checked(**{**GOOD, "parameters": {"resolution": 768}}).parameters == {
        "resolution": 768
    }


@pytest.mark.parametrize(
    "link", ["http://localhost:8765/a.png", "HTTPS://a.example/b?c=d#e", "https://u:p@a.example/b"]
)
def test_links(link: str) -> None:
    assert is_link(link)


@pytest.mark.parametrize(
    "link", ["", "a", "//a.example/b", "data:image/png;base64,AAAA", "https://a:99999/b", "https://a/\x00"]
)
def test_what_is_no_link(link: str) -> None:
    assert not is_link(link)


@pytest.mark.parametrize("rate", sorted(LEARNING_RATES))
def test_every_documented_learning_rate_survives_native_rendering(rate: str) -> None:
    rendered = NativeEnvironment().from_string("{{ rate }}").render(rate=rate)
    assert not isinstance(rendered, str)
    assert check_parameters({"learning_rate_unet": rendered}, "dreambooth_v2") == {"learning_rate_unet": rate}
