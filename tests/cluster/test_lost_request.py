# SPDX-License-Identifier: Apache-2.0
"""A worker dies while the service takes its request on: the answer is lost, the training is paid."""

from __future__ import annotations

import requests

from tests.cluster.stack import BreakableCluster


def test_another_worker_finds_the_training_and_does_not_pay_again(cluster: BreakableCluster) -> None:
    cluster.client.wait_for_dag("lost_request")
    # Accepted, and paid, at once; the answer would come when the worker is long gone.
    slow = {"endpoint": "create", "kind": "timeout", "when": "after", "times": 1, "seconds": 600}
    requests.post(f"{cluster.emulator.url}/emulator/faults", json=slow, timeout=30).raise_for_status()
    run_id = cluster.client.trigger("lost_request")
    cluster.wait_until("the training is paid", lambda: len(cluster.trainings_of("request")) == 1)
    (victim,) = cluster.workers("lost_request", run_id)
    cluster.kill(victim)

    state = cluster.client.wait_for_run("lost_request", run_id, timeout=400)
    assert state == "success", cluster.client.describe("lost_request", run_id)
    assert cluster.tries("lost_request", run_id, "train") == {2}
    (training,) = cluster.trainings_of("request")
    assert cluster.client.xcom("lost_request", run_id, "train", map_index=0) == training["training_id"]
    cluster.restart(victim)
