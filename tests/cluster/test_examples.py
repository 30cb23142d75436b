# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.cluster.stack import BreakableCluster
from tests.system.example_runs import RUN, TRAININGS, run_examples


@pytest.fixture(scope="module")
def paid(cluster: BreakableCluster) -> set[str]:
    """Trainings that one run of each example started; all runs have ended."""
    return run_examples(cluster)


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize("dag_id", TRAININGS)
def test_every_task_succeeds_at_its_first_try(cluster: BreakableCluster, dag_id: str) -> None:
    found = {(task["state"], task["try_number"]) for task in cluster.client.task_instances(dag_id, RUN)}
    assert found == {("success", 1)}, cluster.client.describe(dag_id, RUN)


def test_no_training_was_paid_twice(paid: set[str]) -> None:
    assert len(paid) == sum(TRAININGS.values())


@pytest.mark.usefixtures("paid")
def test_both_workers_took_part(cluster: BreakableCluster) -> None:
    hosts = set().union(*(cluster.workers(dag_id, RUN) for dag_id in TRAININGS))
    assert hosts == {"worker-1", "worker-2"}
