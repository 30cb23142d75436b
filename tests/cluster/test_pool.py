# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.cluster.stack import BreakableCluster

SLOTS = 2


def test_a_pool_that_counts_deferred_tasks_bounds_the_trainings_at_the_same_time(
    cluster: BreakableCluster,
) -> None:
    pool = {"name": "dreambooth_trainings", "slots": SLOTS, "include_deferred": True}
    cluster.client.call("POST", "pools", json=pool)
    cluster.client.wait_for_dag("own_pool")
    run_id = cluster.client.trigger("own_pool")
    most, deadline_states = 0, ("success", "failed")

    def over() -> bool:
        nonlocal most
        most = max(most, sum(not training["over"] for training in cluster.trainings_of("pool")))
        return cluster.client.run_state("own_pool", run_id) in deadline_states

    cluster.wait_until("the run is over", over, timeout=400)
    assert cluster.client.run_state("own_pool", run_id) == "success"
    assert len(cluster.trainings_of("pool")) == 5
    assert most == SLOTS
