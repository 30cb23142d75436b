# SPDX-License-Identifier: Apache-2.0
"""What the account's list is worth is learnt from a training that is running, once in weeks."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_dreambooth.api.results import FineTuneStatus, Model
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.training.decision import SETTLE_AFTER
from airflow_provider_dreambooth.training.list_evidence import RENEWED_AFTER, ListEvidence, learn
from airflow_provider_dreambooth.training.record import Record
from tests.unit.task_surroundings import MemoryVariables

RECORD = Record("f", "here production", 1000.0, 2, training_id="T1")


class Service:
    """An account with one training, and the clock."""

    def __init__(self, *, shown_after: float | None, ready_after: float = 1800.0) -> None:
        self.now = 1000.0
        self.shown_after, self.ready_after = shown_after, ready_after
        self.asked = 0
        self.evidence = ListEvidence(MemoryVariables(), "here production")

    def list_models(self) -> tuple[Model, ...]:
        self.asked += 1
        shown = self.shown_after is not None and self.now >= 1000.0 + self.shown_after
        return (Model("T1"),) if shown else ()

    def fine_tune_status(self, training_id: str) -> FineTuneStatus:
        ready = self.now >= 1000.0 + self.ready_after
        return FineTuneStatus(training_id, "stage", Outcome.READY if ready else Outcome.RUNNING)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def learn(self, record: Record = RECORD) -> bool | None:
        hook: Any = self
        learn(
            hook, self.evidence, record, log=logging.getLogger("x"), clock=lambda: self.now, sleep=self.sleep
        )
        return self.evidence.shows_running()


@pytest.mark.parametrize(("shown_after", "learnt"), [(0.0, True), (20.0, True), (60.0, False), (None, False)])
def test_it_is_seen_whether_the_list_shows_a_running_training(
    shown_after: float | None, learnt: bool
) -> None:
    service = Service(shown_after=shown_after)
    assert service.learn() is learnt
    assert service.now <= 1000.0 + SETTLE_AFTER


@pytest.mark.parametrize("shown_after", [0.0, None])
def test_a_training_that_is_ready_proves_nothing(shown_after: float | None) -> None:
    assert Service(shown_after=shown_after, ready_after=1.0 if shown_after is None else 0.0).learn() is None


def test_it_is_asked_once_and_again_after_weeks() -> None:
    service = Service(shown_after=0.0, ready_after=1e9)
    service.learn()
    service.learn()
    assert service.asked == 1
    service.now += RENEWED_AFTER
    service.shown_after = None
    assert service.learn() is False
    assert service.asked == 3


def test_an_adopted_training_proves_nothing() -> None:
    """It is in the list by definition."""
    assert Service(shown_after=0.0).learn(RECORD.with_training("T1", adopted=True)) is None


def test_stores_and_services_that_do_not_answer_end_nothing() -> None:
    class Broken(MemoryVariables):
        def get(self, key: str, default: Any) -> Any:
            raise DreamboothTransientError("database")

        def set(self, key: str, value: str, description: str | None = None) -> None:
            raise DreamboothTransientError("database")

    service = Service(shown_after=0.0)
    service.evidence = ListEvidence(Broken(), "here production")
    assert service.learn() is None


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "null", '{"shows_running": "yes", "at": 1000}'])
def test_an_entry_that_cannot_be_read_is_no_evidence(text: str) -> None:
    variables = MemoryVariables()
    ListEvidence(variables, "here").keep(shows_running=True, now=1000.0)
    (key,) = variables.values
    variables.values[key] = text
    evidence = ListEvidence(variables, "here")
    assert evidence.shows_running() is None
    assert evidence.is_due(1000.0)
