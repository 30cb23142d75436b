# SPDX-License-Identifier: Apache-2.0
"""The intent comes before the request, and no request follows it that the cap or another try of the task forbids."""

from __future__ import annotations

import json

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.training.record import RECORD_KEY
from tests.unit.operators.paid_world import Task, World, inhabited
from tests.unit.training.trial import steps


@pytest.mark.parametrize("at", ["state to be written", "state written"])
def test_an_intent_that_could_not_be_written_is_no_lost_answer(sandbox: World, at: str) -> None:
    sandbox.outage(at, "state", 60.0)
    task = Task(sandbox)
    task.start()
    assert task.state == "up_for_retry"
    assert sandbox.trainings == []
    sandbox.now += 60
    task.start()
    assert task.waits_for is sandbox.trainings[0]


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_wherever_a_worker_stands_still_only_one_try_pays(environment: str) -> None:
    trial = World(environment)
    sent = steps(trial).index("request to be sent")
    for at in range(sent):
        with inhabited(World(environment), silent=True) as world:
            if environment == "production":
                world.let_the_list_be_known()
            task = Task(world)
            world.aside(at, task.stand_still)
            task.start()
            # The model refuses a second payment of the same training.
            assert len(world.trainings) <= 1
            if task.state in ("up_for_retry", "deferred"):
                assert_found_again(task)


def assert_found_again(task: Task) -> None:
    if task.state == "up_for_retry":
        task.start()
    if task.state == "deferred":
        task.clear()
        task.start()
        assert task.waits_for is not None
        assert task.waits_for is task.paid[-1]


def test_a_record_that_a_person_changed_meanwhile_stops_the_request(world: World) -> None:
    task = Task(world)

    def edit() -> None:
        task.store.entries[RECORD_KEY] = json.dumps(
            {"training_id": "T9", "intent_at": "2026-05-04T09:12:31+00:00", "max_tries": 2}
        )

    world.aside(steps(world).index("variable to be written"), edit)
    task.start()
    assert isinstance(task.error, DreamboothTransientError)
    assert "Nothing was sent" in str(task.error)
    assert world.trainings == []
    assert task.record is not None
    assert task.record["training_id"] == "T9"


def test_at_the_cap_nothing_is_sent_and_nothing_is_retried(world: World) -> None:
    world.cap = 1
    Task(world, 0).start()
    second = Task(world, 1)
    second.start()
    assert second.state == "failed"
    assert isinstance(second.error, DreamboothValidationError)
    assert "max_trainings_per_day is 1" in str(second.error)
    assert len(world.trainings) == 1
    world.now += 24 * 3600
    second.clear()
    second.start()
    assert second.waits_for is world.trainings[1]
