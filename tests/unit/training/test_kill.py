"""Only a person who marks the waiting task failed ends a training that was paid for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_dreambooth.training.kill import KillFacts, may_cancel

MARKED_FAILED = KillFacts("failed", "T1", "T1", end_time=2000.0, now=1000.0)


def test_mark_failed_cancels() -> None:
    assert may_cancel(MARKED_FAILED)[0]
    assert may_cancel(replace(MARKED_FAILED, end_time=None))[0]


@pytest.mark.parametrize(
    "state",
    [None, "deferred", "running", "queued", "scheduled", "restarting", "up_for_retry", "success", "skipped"],
)
def test_no_other_state_cancels(state: str | None) -> None:
    allowed, why = may_cancel(replace(MARKED_FAILED, task_state=state))
    assert not allowed
    assert why


def test_a_task_that_is_about_another_training_by_now_cancels_nothing() -> None:
    assert not may_cancel(replace(MARKED_FAILED, task_training_id="T2"))[0]


def test_a_question_without_an_answer_cancels_nothing() -> None:
    assert not may_cancel(replace(MARKED_FAILED, task_training_id=None))[0]


@pytest.mark.parametrize("now", [2000.0, 2001.0])
def test_a_task_that_failed_by_its_timeout_cancels_nothing(now: float) -> None:
    assert not may_cancel(replace(MARKED_FAILED, now=now))[0]
