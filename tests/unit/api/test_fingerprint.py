# SPDX-License-Identifier: Apache-2.0
"""What makes two requests the same paid training."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.fingerprint import account_of, fingerprint

INPUTS: dict[str, Any] = {
    "environment": "production",
    "instance_prompt": "photo of zwx fox",
    "class_prompt": "photo of fox",
    "images": [f"https://pictures.example/{number}.png" for number in range(4)],
    "base_model_id": "portraitplus-diffusion",
}


def digest(**changes: Any) -> str:
    return fingerprint(FineTuneRequest.checked(**{**INPUTS, **changes}).billed())


@pytest.mark.parametrize(
    "change",
    [
        {"instance_prompt": "photo of qrs fox"},
        {"class_prompt": "photo of animal"},
        {"images": list(reversed(INPUTS["images"]))},
        {"images": [*INPUTS["images"], "https://pictures.example/9.png"]},
        {"training_type": "men"},
        {"max_train_steps": 500},
        {"seed": 7},
        {"base_model_id": "other"},
        {"method": "dreambooth_v2"},
        {"parameters": {"further": "field"}},
    ],
    ids=str,
)
def test_everything_that_is_billed_makes_another_training(change: dict[str, Any]) -> None:
    assert digest(**change) != digest()


@pytest.mark.parametrize(
    "same",
    [
        {"webhook": "https://hooks.example/1"},
        {"images": tuple(INPUTS["images"])},
        {"training_type": "null"},
        {"seed": ""},
    ],
    ids=str,
)
def test_what_is_not_billed_or_means_the_same_is_the_same_training(same: dict[str, Any]) -> None:
    assert digest(**same) == digest()


def test_numbers_as_text_are_the_same_training() -> None:
    assert digest(max_train_steps="500", seed="7") == digest(max_train_steps=500, seed=7)


def test_a_fingerprint_is_stable_over_releases() -> None:
    """A record of the last release must still be recognised; a new digest here pays for trainings again."""
    assert digest() == "sha256:285825ad60d31dad5ae546253d69802a"


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://stablediffusionapi.com", "stablediffusionapi.com production"),
        ("https://modelslab.com", "stablediffusionapi.com production"),
        ("https://www.modelslab.com", "stablediffusionapi.com production"),
        ("http://127.0.0.1:8765", "127.0.0.1:8765 production"),
    ],
)
def test_both_names_of_the_service_are_one_account(url: str, account: str) -> None:
    assert account_of(url, "production") == account


def test_environments_are_accounts_of_their_own() -> None:
    assert account_of("https://modelslab.com", "sandbox") != account_of("https://modelslab.com", "production")
