# SPDX-License-Identifier: Apache-2.0
"""Half of the cluster dies, as when one of two machines loses its power."""

from __future__ import annotations

import pytest

from tests.cluster.stack import BreakableCluster

NAMES = {"onworker": 6, "deferred": 6, "started": 2}


@pytest.fixture(scope="module")
def survived(cluster: BreakableCluster) -> tuple[BreakableCluster, str]:
    """The cluster after a run in whose middle one half of it died; the half is there again."""
    cluster.client.wait_for_dag("lost_machine")
    run_id = cluster.client.trigger("lost_machine")
    cluster.wait_until(
        "all trainings are paid and waited for",
        lambda: {name: len(cluster.trainings_of(name)) for name in NAMES} == NAMES,
    )
    waiting = {"on_worker": "running", "deferred": "deferred", "started": "success", "wait": "deferred"}
    cluster.wait_for_states("lost_machine", run_id, waiting)
    cluster.wait_until(
        "the triggers have a triggerer", lambda: None not in cluster.watchers("lost_machine", run_id)
    )
    # One that has something to lose of each kind, and a scheduler.
    worker, triggerer = (
        sorted(cluster.workers("lost_machine", run_id, "on_worker"))[0],
        sorted(map(str, cluster.watchers("lost_machine", run_id)))[0],
    )
    lost = (worker, triggerer, "scheduler-1")
    for name in lost:
        cluster.kill(name)
    cluster.wait_until(
        "the triggerer that is left has all triggers",
        lambda: not {None, triggerer} & set(cluster.watchers("lost_machine", run_id)),
    )
    cluster.wait_until(
        "what the dead worker ran is tried again",
        lambda: worker not in cluster.workers("lost_machine", run_id, "on_worker"),
    )
    cluster.wait_for_states("lost_machine", run_id, waiting)
    for name in NAMES:
        cluster.ready_all(name)
    cluster.client.wait_for_run("lost_machine", run_id, timeout=300)
    cluster.restart(*lost)
    return cluster, run_id


def test_every_task_succeeds(survived: tuple[BreakableCluster, str]) -> None:
    cluster, run_id = survived
    states = {task["state"] for task in cluster.client.task_instances("lost_machine", run_id)}
    assert states == {"success"}, cluster.client.describe("lost_machine", run_id)


def test_what_ran_on_the_dead_worker_was_tried_again(survived: tuple[BreakableCluster, str]) -> None:
    cluster, run_id = survived
    assert max(cluster.tries("lost_machine", run_id, "on_worker")) == 2


def test_what_waited_in_the_dead_triggerer_was_not_even_tried_again(
    survived: tuple[BreakableCluster, str],
) -> None:
    cluster, run_id = survived
    assert cluster.tries("lost_machine", run_id, "deferred") == {1}
    assert cluster.tries("lost_machine", run_id, "wait") == {1}


def test_every_training_was_paid_once_and_none_was_cancelled(
    survived: tuple[BreakableCluster, str],
) -> None:
    cluster, _ = survived
    trainings = [training for name in NAMES for training in cluster.trainings_of(name)]
    assert len(trainings) == sum(NAMES.values())
    assert not any(training["cancelled"] for training in trainings)


def test_every_task_returns_its_own_training(survived: tuple[BreakableCluster, str]) -> None:
    cluster, run_id = survived
    for task_id, name in (("on_worker", "onworker"), ("deferred", "deferred"), ("wait", "started")):
        paid = {
            training["body"]["instance_prompt"]: training["training_id"]
            for training in cluster.trainings_of(name)
        }
        for index in range(NAMES[name]):
            returned = cluster.client.xcom("lost_machine", run_id, task_id, map_index=index)
            assert returned == paid[f"photo of {name}{index:03d} fox"]
