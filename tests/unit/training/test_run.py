# SPDX-License-Identifier: Apache-2.0
"""One try of a training task returns its result, or the wait that is to be spent off the worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.training.deadline import BACKSTOP_AFTER
from airflow_provider_dreambooth.training.run import TrainingRun
from tests.unit.operators.paid_world import Task, World


def started(task: Task) -> str | Deferral:
    world, operator = task.world, task.operator()
    context: Any = {"ti": task.ti, "task_state_store": task.store, "outlet_events": {}}
    run = TrainingRun(operator, context, clock=world.time, sleep=world.sleep)
    return run.start(operator._request(context))


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
