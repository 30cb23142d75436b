# SPDX-License-Identifier: Apache-2.0
"""The body of a training in the service's own form, and what identifies it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from tests.unit.api.service_answers import IMAGES


def request(**change: Any) -> FineTuneRequest:
    given: dict[str, Any] = {
        "environment": "production",
        "instance_prompt": " photo of ohwx person ",
        "class_prompt": "photo of person",
        "images": IMAGES,
    }
    return FineTuneRequest.checked(**{**given, **change})


def test_the_documented_body_of_fine_tune_has_numbers_as_text() -> None:
    made = request(
        base_model_id="portraitplus-diffusion",
        seed=0,
        training_type="men",
        max_train_steps=2000,
        webhook="https://hooks.example/1",
    )
    assert made.endpoint == "fine_tune"
    assert made.body() == {
        "instance_prompt": "photo of ohwx person",
        "class_prompt": "photo of person",
        "base_model_id": "portraitplus-diffusion",
        "images": IMAGES,
        "seed": "0",
        "training_type": "men",
        "max_train_steps": "2000",
        "webhook": "https://hooks.example/1",
    }


def test_null_is_kept_where_it_means_something_and_unset_fields_are_left_out() -> None:
    body = request(environment="sandbox").body()
    assert (body["training_type"], body["seed"], body["webhook"]) == (None, None, None)
    assert not {"base_model_id", "max_train_steps", "key"} & set(body)


def test_the_documented_body_of_fine_tune_v2() -> None:
    rates = {
        "learning_rate_unet": "2e-6",
        "steps_unet": "1500",
        "learning_rate_text_encoder": "1e-6",
        "steps_text_encoder": "350",
    }
    made = request(method="dreambooth_v2", base_model_id="portraitplus-diffusion", parameters=rates)
    assert made.endpoint == "fine_tune_v2"
    assert rates.items() <= made.body().items()
    assert "max_train_steps" not in made.body()


def test_the_documented_body_of_lora_fine_tune() -> None:
    made = request(
        method="lora", max_train_steps=18, seed=0, parameters={"base_model_type": "sdxl", "lora_type": "lora"}
    )
    assert made.endpoint == "lora_fine_tune"
    body = made.body()
    assert (body["max_train_steps"], body["seed"], body["base_model_type"]) == ("18", "0", "sdxl")


def test_a_lora_without_a_seed_leaves_it_to_the_service() -> None:
    assert "seed" not in request(method="lora").body()


def test_what_is_billed_is_all_but_the_webhook_and_another_services_key() -> None:
    plain = request(method="lora")
    other = request(method="lora", webhook="https://hooks.example/1", parameters={"wandb_key": "secret"})
    assert plain.billed() == other.billed()
    assert plain.billed()["method"] == "lora"
    assert "webhook" not in plain.billed()


@pytest.mark.parametrize(
    "change",
    [
        {"instance_prompt": "photo of zwx person"},
        {"class_prompt": "photo of dog"},
        {"images": IMAGES[1:]},
        {"images": IMAGES[::-1]},
        {"training_type": "men"},
        {"max_train_steps": 10},
        {"seed": 1},
        {"base_model_id": "other"},
        {"method": "dreambooth_v2"},
        {"parameters": {"anything": 1}},
    ],
)
def test_every_other_change_is_another_training(change: dict[str, Any]) -> None:
    assert request(**change).billed() != request().billed()


def test_hashes_of_the_content_can_stand_for_the_links() -> None:
    assert request().billed(["a", "b"])["images"] == ["a", "b"]


def test_warnings_do_not_make_a_request_another_one() -> None:
    assert request() == request(base_model_id=" ")


def test_further_fields_are_not_shown() -> None:
    assert "very-secret" not in repr(request(method="lora", parameters={"wandb_key": "very-secret"}))
