# SPDX-License-Identifier: Apache-2.0
"""The training operator without task state and without a list of Variables, as docs/compatibility.md describes it."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_dreambooth.exceptions import DreamboothLostSubmissionError, DreamboothValidationError
from airflow_provider_dreambooth.operators import training as module
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.training.event import WaitEnded
from tests.unit.conftest import Served
from tests.unit.operators.test_fine_tune import operator, paid
from tests.unit.task_surroundings import MemoryVariables, TaskInstance


class Clock:
    """Stands in for the module ``time`` of the operator."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> MemoryVariables:
    values = MemoryVariables()
    monkeypatch.setattr("airflow_provider_dreambooth.runtime.variables.accessor", lambda: values)
    monkeypatch.setattr(compat, "AIRFLOW_V_3_3_PLUS", False)
    monkeypatch.setattr(compat, "CAN_LIST_VARIABLES", False)
    monkeypatch.setattr(compat, "TRIGGERS_LEARN_OF_KILLS", False)
    monkeypatch.setattr(module, "time", Clock())
    return values


def context_of(task_instance: TaskInstance) -> Any:
    return {"ti": task_instance, "outlet_events": {}}


def records(variables: MemoryVariables) -> list[str]:
    return [key for key in variables.values if key.startswith("dreambooth_training__")]


def ready(training_id: str) -> dict[str, Any]:
    return WaitEnded("success", training_id, "words").to_payload()


def test_a_retry_finds_its_training_in_a_variable(served: Served, variables: MemoryVariables) -> None:
    waiting = operator(served, wait_for_completion=True, deferrable=True)
    for _ in range(2):
        with pytest.raises(TaskDeferred):
            waiting.execute(context_of(TaskInstance()))
    assert len(paid(served)) == 1
    assert len(records(variables)) == 1


def test_mapped_tasks_do_not_share_it(served: Served, variables: MemoryVariables) -> None:
    waiting = operator(served, wait_for_completion=True, deferrable=True)
    for index in range(3):
        with pytest.raises(TaskDeferred):
            waiting.execute(context_of(TaskInstance(map_index=index)))
    assert len(records(variables)) == len(paid(served)) == 3


def test_it_is_removed_at_the_end_and_a_clear_of_the_finished_task_pays_again(
    served: Served, variables: MemoryVariables
) -> None:
    waiting = operator(served, wait_for_completion=True, deferrable=True)
    with pytest.raises(TaskDeferred):
        waiting.execute(context_of(TaskInstance()))
    (training_id,) = paid(served)
    assert waiting.execute_complete(context_of(TaskInstance()), ready(training_id)) == training_id
    assert not records(variables)
    with pytest.raises(TaskDeferred):
        waiting.execute(context_of(TaskInstance(max_tries=5)))
    assert len(paid(served)) == 2


def test_a_lost_answer_that_left_a_new_model_stops_the_task(served: Served) -> None:
    served.fault("cut", endpoint="fine_tune", when="after", times=1)
    task_instance = TaskInstance()
    with pytest.raises(DreamboothLostSubmissionError) as caught:
        operator(served).execute(context_of(task_instance))
    assert isinstance(caught.value, AirflowFailException)
    assert len(paid(served)) == 1
    with pytest.raises(DreamboothLostSubmissionError):
        operator(served).execute(context_of(task_instance))
    assert len(paid(served)) == 1


def test_a_lost_answer_that_left_none_is_settled_by_the_list(served: Served) -> None:
    # A training before it has shown that the list has those that are running.
    before = operator(served).execute(context_of(TaskInstance(task_id="before")))
    served.fault("cut", endpoint="fine_tune", when="before", times=1)
    training_id = operator(served).execute(context_of(TaskInstance()))
    assert sorted(paid(served)) == sorted([before, training_id])


def test_a_cap_that_cannot_be_kept_is_refused(served: Served) -> None:
    served.connect(extra={"max_trainings_per_day": 5})
    with pytest.raises(DreamboothValidationError, match=r"needs Airflow 3\.3"):
        operator(served).execute(context_of(TaskInstance()))
    assert paid(served) == []
