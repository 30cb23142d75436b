# SPDX-License-Identifier: Apache-2.0
"""Only a person who marks the waiting task failed ends a training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_dreambooth.training.kill_order import KillFacts, ordered_by_a_person

MARKED_FAILED = KillFacts("failed", now=1000.0, end_time=2000.0)


def test_a_task_that_a_person_marked_failed_cancels_its_training() -> None:
    assert ordered_by_a_person(MARKED_FAILED) == (True, "the task was marked failed")
    assert ordered_by_a_person(replace(MARKED_FAILED, end_time=None))[0]


@pytest.mark.parametrize(
    "state",
    [None, "deferred", "running", "queued", "scheduled", "restarting", "up_for_retry", "success", "skipped"],
)
def test_no_other_state_cancels(state: str | None) -> None:
    ordered, why = ordered_by_a_person(replace(MARKED_FAILED, task_state=state))
    assert not ordered
    assert (state or "could not be read") in why


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ({"stalled": True}, "stood still for longer than Airflow waits for a heartbeat"),
        ({"failed_elsewhere": True}, "fail_fast and another task failed"),
        ({"failed_elsewhere": None}, "could not be read"),
        ({"same_try": False}, "has begun a new try"),
        ({"same_try": None}, "could not be read"),
        ({"adopted": True}, "may be somebody else's"),
        ({"now": 2000.0}, "failed by its timeout"),
        ({"now": 2001.0}, "failed by its timeout"),
    ],
    ids=str,
)
def test_a_failed_task_leaves_its_training_running_when_not_a_person_may_have_failed_it(
    fact: dict[str, Any], said: str
) -> None:
    ordered, why = ordered_by_a_person(replace(MARKED_FAILED, **fact))
    assert not ordered
    assert said in why
