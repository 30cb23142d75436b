# SPDX-License-Identifier: Apache-2.0
"""A request to the v6 trainer: refused before it is billed, named so that a person can find it, the same when nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.trainer_request import TrainerRequest
from airflow_provider_dreambooth.exceptions import DreamboothValidationError

IMAGES = [f"https://images.example/{number}.png" for number in range(7)]
GOOD: dict[str, Any] = {
    "environment": "production",
    "trainer_id": "flux_lora_trainer",
    "parameters": {"trigger_word": "ohwx", "training_steps": 1000},
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"environment": "sandbox"}, "environment"),
        ({"trainer_id": ""}, "trainer_id"),
        ({"trainer_id": None}, "trainer_id"),
        ({"trainer_id": "None"}, "trainer_id"),
        ({"trainer_id": 6}, "trainer_id"),
        ({"parameters": "steps"}, "parameters"),
        ({"parameters": {"key": "x"}}, "parameters"),
        ({"parameters": {"hf_token": "x"}}, r"parameters\['hf_token'\]"),
        ({"parameters": {"track_id": "x"}}, r"parameters\['track_id'\]"),
        ({"parameters": {"training_id": "x"}}, r"parameters\['training_id'\]"),
        ({"parameters": {"images": []}}, r"parameters\['images'\]"),
        ({"parameters": {"rank": float("nan")}}, r"parameters\['rank'\]"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_before_anything_is_billed(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(DreamboothValidationError, match=rf"^{field}") as caught:
        TrainerRequest.draft(**{**GOOD, **change})
    assert "nothing was paid" in str(caught.value)


@pytest.mark.parametrize(
    "images", [[], "https://images.example/1.png", ["https://images.example/1.png"]], ids=str
)
def test_images_are_checked_as_those_of_a_fine_tuning(images: Any) -> None:
    with pytest.raises(DreamboothValidationError, match="images"):
        TrainerRequest.draft(**GOOD).with_images(images)


def test_a_token_in_the_dag_is_refused_without_being_shown() -> None:
    with pytest.raises(DreamboothValidationError, match="connection's field 'hf_token'") as caught:
        TrainerRequest.draft(**{**GOOD, "parameters": {"hf_token": "hf_of_the_dag"}})
    assert "hf_of_the_dag" not in str(caught.value)


def test_each_request_has_a_name_of_its_own_that_begins_with_the_tasks() -> None:
    draft = TrainerRequest.draft(**GOOD, owner="airflow-portraits-train-1a2b3c4d")
    names = {draft.with_images(IMAGES).sent_as for _ in range(20)}
    assert len(names) == 20
    assert all(str(name).startswith("airflow-portraits-train-1a2b3c4d-") for name in names)


def test_the_same_inputs_are_the_same_training_whatever_the_request_is_called() -> None:
    one, two = (TrainerRequest.draft(**GOOD, owner=owner).with_images(IMAGES) for owner in ("a", "b"))
    assert one.billed() == two.billed()
    assert (
        one.billed() != TrainerRequest.draft(**{**GOOD, "trainer_id": "other"}).with_images(IMAGES).billed()
    )


def test_what_is_billed_by_the_hour_and_was_never_tried_is_said() -> None:
    said = " ".join(TrainerRequest.draft(**GOOD).with_images(IMAGES).warnings)
    assert "by the hour" in said
    assert "never run against the hosted service" in said
    assert "track_id airflow-" in said


@pytest.mark.parametrize(
    ("parameters", "subject"),
    [
        ({"trigger_word": "ohwx", "instance_prompt": "photo"}, "ohwx"),
        ({"instance_prompt": "photo of ohwx"}, "photo of ohwx"),
        ({"resolution": 1024}, ""),
    ],
    ids=str,
)
def test_the_subject_is_read_where_known_trainers_name_it(parameters: dict[str, Any], subject: str) -> None:
    assert TrainerRequest.draft(**{**GOOD, "parameters": parameters}).instance_prompt == subject
