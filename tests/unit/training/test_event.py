# SPDX-License-Identifier: Apache-2.0
"""The trigger's event: whole, without a secret, and never a success by mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.training.event import STATUSES, WaitEnded


@pytest.mark.parametrize("status", STATUSES)
def test_an_event_comes_back_as_it_was(status: str) -> None:
    ended = WaitEnded(
        status,
        "T1",
        "words",
        reason="a reason",
        error="DreamboothAuthError",
        cause_is_permanent=True,
        stages=(("deploying_gpu", 1.0), ("model_ready", 2.5)),
    )
    assert WaitEnded.from_payload(json.loads(json.dumps(ended.to_payload())), expected_id="T1") == ended


def test_the_event_has_the_documented_fields() -> None:
    payload = WaitEnded("success", "T1", "ready").to_payload()
    assert payload == {"status": "success", "training_id": "T1", "message": "ready", "stages": []}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "success",
        [],
        {},
        {"status": "success"},
        {"status": "success", "training_id": ""},
        {"status": "success", "training_id": 7},
        {"status": "succeeded", "training_id": "T1"},
        {"status": None, "training_id": "T1"},
        {"training_id": "T1"},
    ],
)
def test_a_strange_event_is_an_error_and_never_a_success(payload: Any) -> None:
    with pytest.raises(DreamboothError, match="was not touched"):
        WaitEnded.from_payload(payload)


def test_an_event_of_another_training_is_refused() -> None:
    payload = WaitEnded("success", "T2", "ready").to_payload()
    with pytest.raises(DreamboothError, match="T2"):
        WaitEnded.from_payload(payload, expected_id="T1")


@pytest.mark.parametrize(
    "stages",
    [None, "x", {}, [3], [{"stage": "a"}], [{"stage": "a", "first_seen": "now"}], [{"first_seen": 1}]],
)
def test_stages_that_cannot_be_read_decide_nothing(stages: Any) -> None:
    payload = {"status": "success", "training_id": "T1", "message": "", "stages": stages}
    assert WaitEnded.from_payload(payload).stages == ()
