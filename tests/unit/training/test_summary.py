# SPDX-License-Identifier: Apache-2.0
"""The XCom ``training``: it is read back, tells no secret, and a field that cannot be read is unknown."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_dreambooth.training.summary import (
    ACCEPTED,
    MOST_IMAGES,
    READY,
    REUSED,
    STATES,
    Replaced,
    TrainingSummary,
)

NOW = 1_800_000_000.0


def whole() -> TrainingSummary:
    """A summary in which everything is known."""
    return TrainingSummary(
        training_id="T1",
        state=READY,
        money=ACCEPTED,
        replaced=Replaced("T0", cancelled=True),
        connection="dreambooth_default",
        service="https://stablediffusionapi.com",
        environment="production",
        method="lora",
        instance_prompt="photo of zwx fox",
        class_prompt="photo of a fox",
        training_type="men",
        base_model_id="base",
        max_train_steps="1000",
        parameters={"learning_rate": 2e-6, "nested": {"list": [1, True, None]}},
        images=("https://bucket/1.png",),
        requested_at=NOW,
        stages=(("deploying_gpu", NOW + 1), ("model_ready", NOW + 1800)),
        eta_at=NOW + 60,
        ended_at=NOW + 1801,
        reason="why",
        next_step="clear it",
    )


def stored(summary: TrainingSummary) -> Any:
    return json.loads(json.dumps(summary.to_json(), allow_nan=False))


def test_it_is_read_back_as_it_was() -> None:
    assert TrainingSummary.from_json(stored(whole())) == whole()
    assert TrainingSummary.from_json(stored(TrainingSummary("T1"))) == TrainingSummary("T1")


def test_every_field_is_in_the_xcom_beside_the_version() -> None:
    assert set(stored(whole())) == {field.name for field in fields(TrainingSummary)} | {"version"}


@pytest.mark.parametrize("value", [None, "text", 3, [], {}, {"training_id": 3}, {"version": 1}])
def test_what_names_no_training_is_none(value: Any) -> None:
    assert TrainingSummary.from_json(value) is None


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([field.name for field in fields(TrainingSummary)][1:]), JSON)
def test_no_value_of_a_field_is_an_error_and_the_others_stay_known(name: str, value: Any) -> None:
    summary = TrainingSummary.from_json({**stored(whole()), name: value})
    assert summary is not None
    assert summary.training_id == "T1"
    assert summary.state in STATES
    stored(summary)


def test_secrets_among_the_parameters_are_masked_at_any_depth() -> None:
    parameters = {
        "wandb_key": "s3cret",
        "hf_token": "s3cret",
        "deep": [{"Password": "s3cret", "steps": 7}],
        "callback": "https://user:s3cret@host/path?signature=s3cret",
    }
    shown = stored(TrainingSummary("T1", parameters=parameters))
    assert "s3cret" not in json.dumps(shown)
    assert shown["parameters"]["wandb_key"] == "***"
    assert shown["parameters"]["deep"][0]["steps"] == 7


def test_images_are_links_without_signature_or_password_and_twenty_at_most() -> None:
    images = [
        "/home/me/1.png",
        "https://me:s3cret@bucket/2.png?X-Amz-Signature=s3cret#s3cret",
        "http://[broken",
    ]
    shown = stored(TrainingSummary("T1", images=(*images, *(f"https://b/{n}.png" for n in range(40)))))
    assert shown["images"][0] == "https://bucket/2.png"
    assert len(shown["images"]) == MOST_IMAGES
    assert "s3cret" not in json.dumps(shown)


def test_long_texts_are_cut() -> None:
    shown = stored(
        TrainingSummary("T1", parameters={"note": "x" * 10**6}).ended("failed", NOW, reason="y" * 10**6)
    )
    assert len(json.dumps(shown)) < 6000


@pytest.mark.parametrize("eta", [1e308, float("inf"), float("nan"), -1.0, 0.0, None])
def test_an_eta_that_is_none_is_not_shown(eta: float | None) -> None:
    assert stored(TrainingSummary("T1").at_stage("training_started", NOW, eta))["eta_at"] is None


def test_a_stage_is_noted_once_when_it_is_first_seen() -> None:
    summary = TrainingSummary("T1").at_stage("deploying_gpu", NOW, 60.0)
    assert summary.at_stage("deploying_gpu", NOW + 5) is summary
    assert summary.at_stage("training_started", NOW + 9).stages == (
        ("deploying_gpu", NOW),
        ("training_started", NOW + 9),
    )


def test_a_reused_model_that_was_ready_before_took_no_time_of_this_task() -> None:
    ready = TrainingSummary("T1", money=REUSED, requested_at=NOW).at_stage("model_ready", NOW + 9000)
    assert ready.ended(READY, NOW + 9000).seconds is None
    assert whole().seconds == 1801.0
