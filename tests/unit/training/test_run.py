# SPDX-License-Identifier: Apache-2.0
"""One try of a training task returns its result, or the wait that is to be spent off the worker."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.training.deadline import BACKSTOP_AFTER
from airflow_provider_dreambooth.training.event import WaitEnded
from airflow_provider_dreambooth.training.record import RECORD_KEY
from airflow_provider_dreambooth.training.run import TrainingRun
from tests.unit.operators.paid_world import Moment, Task, World


def run_of(task: Task) -> tuple[TrainingRun, Any]:
    operator = task.operator()
    context: Any = {"ti": task.ti, "task_state_store": task.store, "outlet_events": {}}
    run = TrainingRun(operator, context, clock=task.world.time, sleep=task.world.sleep)
    return run, operator._request(context)


def started(task: Task) -> str | Deferral:
    run, request = run_of(task)
    return run.start(request)


def test_the_wait_for_a_running_training_is_returned_with_what_its_trigger_needs(world: World) -> None:
    result = started(Task(world, timeout=3600.0))
    assert isinstance(result, Deferral)
    (training,) = world.trainings
    end_time = result.trigger["end_time"]
    assert result == Deferral(
        "training",
        {
            "training_id": training.training_id,
            "poll_interval": 60.0,
            "end_time": end_time,
            "first_poll": world.now + 60.0,
            "cancel_on_kill": True,
            "training_api": "v3",
        },
        timeout=timedelta(seconds=end_time - world.now + BACKSTOP_AFTER),
    )
    assert world.now < end_time <= training.accepted_at + 3600.0


def test_a_full_queue_is_a_wait_for_a_time_after_which_the_task_asks_again(world: World) -> None:
    world.answers["create"].append("queue full")
    result = started(Task(world))
    assert isinstance(result, Deferral)
    assert (result.awaits, result.method, result.timeout) == ("time", "execute_turn", None)
    assert result.trigger["moment"] > world.now
    assert world.trainings == []


def test_a_task_that_only_starts_the_training_returns_its_id(world: World) -> None:
    assert started(Task(world, wait=False)) == "T1"


STORES = pytest.mark.parametrize(
    "keeps_ended", [True, False], ids=["state store", "a Variable, below Airflow 3.3"]
)
ENDS = ["success", "failed", "cancelled", "timeout"]


@pytest.mark.parametrize("status", ENDS)
@STORES
def test_the_end_of_an_older_wait_is_not_written_over_the_training_of_a_newer_try(
    world: World, status: str, keeps_ended: bool, mocker: MockerFixture
) -> None:
    older = Task(world, cancel_on_timeout=True)
    run, request = run_of(older)
    run.start(request)
    mocker.patch.object(run._record._store, "keeps_ended", keeps_ended)
    older.inputs = 2
    started(older)
    newer = older.store.get(RECORD_KEY)
    assert newer["training_id"] == "T2"
    ended = WaitEnded(status, "T1", "over")
    with nullcontext() if status == "success" else pytest.raises(DreamboothError):
        run.conclude(ended)
    assert older.store.get(RECORD_KEY) == newer


@STORES
def test_the_end_is_not_written_over_what_another_try_writes_while_it_is_shown(
    world: World, keeps_ended: bool, mocker: MockerFixture
) -> None:
    task = Task(world)
    run, request = run_of(task)
    run.start(request)
    mocker.patch.object(run._record._store, "keeps_ended", keeps_ended)
    newer = {**task.store.get(RECORD_KEY), "training_id": "T9"}
    world.aside(Moment(0, "xcom training to be pushed"), lambda: task.store.set(RECORD_KEY, newer))
    run.conclude(WaitEnded("success", "T1", "ready"))
    assert task.store.get(RECORD_KEY) == newer
