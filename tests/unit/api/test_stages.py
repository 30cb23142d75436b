# SPDX-License-Identifier: Apache-2.0
"""What a stage means."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.api.stages import (
    STAGES,
    Outcome,
    is_known_stage,
    looks_like_stage,
    normalise_stage,
    outcome_of,
)


def test_the_documented_order() -> None:
    assert STAGES == (
        "deploying_gpu",
        "training_started",
        "training_success",
        "trained_model_compressing",
        "trained_model_uploading",
        "trained_model_uploaded",
        "deploying_model",
        "model_ready",
    )


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_every_documented_stage_but_the_last_is_running_training_success_included(stage: str) -> None:
    assert outcome_of(stage) is Outcome.RUNNING
    assert not outcome_of(stage).ended


@pytest.mark.parametrize(
    ("stage", "outcome"),
    [
        ("model_ready", Outcome.READY),
        ("Model Ready", Outcome.READY),
        ("training_failed", Outcome.FAILED),
        ("TRAINING_FAILED", Outcome.FAILED),
        ("training-cancelled", Outcome.CANCELLED),
        ("cancelled", Outcome.CANCELLED),
        ("canceled", Outcome.CANCELLED),
        ("training_cancle", Outcome.CANCELLED),
        ("deploy_error", Outcome.FAILED),
        ("gpu_failure", Outcome.FAILED),
        ("training_completed", Outcome.READY),
    ],
)
def test_what_ends_a_training(stage: str, outcome: Outcome) -> None:
    assert outcome_of(stage) is outcome
    assert outcome.ended


@pytest.mark.parametrize("stage", ["model_warming_up", "queued", "", "model_not_ready"])
def test_a_stage_of_tomorrow_counts_as_running(stage: str) -> None:
    assert outcome_of(stage) is Outcome.RUNNING


def test_known_stages_are_recognised_in_any_spelling() -> None:
    assert is_known_stage(" Training Started ")
    assert is_known_stage("training_failed")
    assert not is_known_stage("success")
    assert normalise_stage(" Deploying-GPU ") == "deploying_gpu"


def test_only_one_word_about_a_training_looks_like_a_stage() -> None:
    assert looks_like_stage("model_warming_up")
    assert not looks_like_stage("the model is warming up")
    assert not looks_like_stage("success")
    assert not looks_like_stage("")
    assert not looks_like_stage("model" * 20)
