# SPDX-License-Identifier: Apache-2.0
"""The id of a paid training is kept in every place that can hold it."""

from __future__ import annotations

import json

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothLostSubmissionError
from airflow_provider_dreambooth.training.record import RECORD_KEY
from tests.unit.operators.paid_world import Moment, Task, World, inhabited
from tests.unit.training.trial import steps


@pytest.mark.parametrize("what", ["state", "state writes"])
@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_an_id_that_cannot_be_stored_is_tried_again_for_minutes(environment: str, what: str) -> None:
    with inhabited(World(environment), silent=True) as world:
        world.outage("request accepted", what, 200.0)
        task = Task(world)
        task.start()
        assert task.waits_for is world.trainings[0]
        assert task.record is not None
        assert task.record["training_id"] == "T1"


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_an_id_that_only_the_registry_could_hold_is_read_back_by_the_retry(environment: str) -> None:
    with inhabited(World(environment), silent=True) as world:
        world.outage("request accepted", "state writes", 1000.0)
        task = Task(world)
        task.start()
        assert task.state == "up_for_retry"
        assert "T1 is accepted and paid" in str(task.error)
        world.now += 1000
        task.start()
        assert task.waits_for is world.trainings[0]
        assert len(world.trainings) == 1


def test_an_id_that_nothing_could_hold_is_in_the_error(sandbox: World) -> None:
    sandbox.outage("request accepted", "state writes", 1000.0)
    task = Task(sandbox)
    sandbox.aside(steps(sandbox).index("request accepted"), lambda: variables_fail(sandbox))
    task.start()
    assert isinstance(task.error, DreamboothLostSubmissionError)
    assert "put T1 into training_id" in str(task.error)


def variables_fail(world: World) -> None:
    world.outages["variables"] = world.now + 1000


@pytest.mark.parametrize("seconds", [5.0, 600.0])
def test_a_worker_that_wakes_up_writes_no_record_over_that_of_the_try_after_it(
    sandbox: World, seconds: float
) -> None:
    task = Task(sandbox)
    task.start()
    task.clear()

    def change() -> None:
        task.inputs = 2
        task.stand_still(seconds, cleared=True)

    sandbox.aside(Moment(0, "status asked"), change)
    task.start()
    assert task.record is not None
    assert task.record["training_id"] == "T2"
    assert task.waits_for is sandbox.trainings[1]


def test_a_worker_that_wakes_up_cancels_nothing_that_the_try_after_it_waits_for(world: World) -> None:
    task = Task(world)
    task.start()
    task.inputs = 2
    task.clear()

    def take_back() -> None:
        # The one that is to be replaced is put back by a person, and found by the next try.
        assert task.record is not None
        task.store.entries[RECORD_KEY] = json.dumps(task.record["earlier"])
        task.inputs = 1
        task.stand_still(cleared=True)

    world.aside(Moment(0, "xcom training_id pushed"), take_back)
    task.start()
    assert task.waits_for is world.trainings[0]
    assert world.trainings[0].stage == "training_started"


@pytest.mark.parametrize("answer", ["ok", "lost, accepted", "refused"])
def test_what_could_not_be_written_for_a_while_is_not_written_over_the_record_of_a_newer_try(
    sandbox: World, answer: str
) -> None:
    task = Task(sandbox, on_lost="resubmit")
    sandbox.will_answer(create=[answer])
    sandbox.outage("request accepted" if answer != "refused" else "request to be sent", "state writes", 200.0)
    sandbox.aside(Moment(0, "slept"), task.stand_still)
    task.start()
    assert task.waits_for is not None
    assert task.record is not None
    assert task.record["training_id"] == task.waits_for.training_id
