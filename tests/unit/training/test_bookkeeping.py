# SPDX-License-Identifier: Apache-2.0
"""The id of a paid training is kept in every place that can hold it."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothLostSubmissionError
from tests.unit.operators.paid_world import Task, World, inhabited
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
