from __future__ import annotations

import pytest

from tests.cluster.stack import BreakableCluster

EXAMPLES = {"train_wait_render": 1, "several_subjects": 3, "one_task_wait": 1}
RUN = "on-the-cluster"


@pytest.fixture(scope="module")
def finished(cluster: BreakableCluster) -> BreakableCluster:
    """The cluster after one run of each example, all at the same time."""
    for dag_id in EXAMPLES:
        cluster.client.wait_for_dag(dag_id)
        cluster.client.trigger(dag_id, RUN)
    for dag_id in EXAMPLES:
        cluster.client.wait_for_run(dag_id, RUN)
    return cluster


@pytest.mark.parametrize("dag_id", EXAMPLES)
def test_every_task_succeeds_at_its_first_try(finished: BreakableCluster, dag_id: str) -> None:
    tasks = finished.client.task_instances(dag_id, RUN)
    found = {(task["task_id"], task["map_index"], task["state"], task["try_number"]) for task in tasks}
    assert {(state, number) for _, _, state, number in found} == {("success", 1)}, finished.client.describe(
        dag_id, RUN
    )


def test_no_training_was_paid_twice(finished: BreakableCluster) -> None:
    assert len(finished.trainings_of("sks")) == sum(EXAMPLES.values())


def test_both_workers_took_part(finished: BreakableCluster) -> None:
    hosts = set().union(*(finished.workers(dag_id, RUN) for dag_id in EXAMPLES))
    assert hosts == {"worker-1", "worker-2"}
