# SPDX-License-Identifier: Apache-2.0
"""Tasks of a queue, and their triggers, stay with the members that serve it."""

from __future__ import annotations

from dev.cluster.stack import TRAINING_QUEUE
from tests.cluster.stack import BreakableCluster


def test_a_task_and_its_trigger_run_where_their_queue_is_served(cluster: BreakableCluster) -> None:
    cluster.client.wait_for_dag("own_queue")
    run_id = cluster.client.trigger("own_queue")
    cluster.wait_for_states("own_queue", run_id, {"train": "deferred"})
    cluster.wait_until(
        "the triggers have a triggerer", lambda: None not in cluster.watchers("own_queue", run_id)
    )
    assert cluster.watchers("own_queue", run_id) == {"triggerer-2": {TRAINING_QUEUE}}
    assert cluster.workers("own_queue", run_id) == {"worker-2"}
    cluster.ready_all("queue")
    assert cluster.client.wait_for_run("own_queue", run_id) == "success"
    assert cluster.workers("own_queue", run_id) == {"worker-2"}
