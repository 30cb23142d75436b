# SPDX-License-Identifier: Apache-2.0
"""Hundreds of mapped trainings at the same time, from start to end."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.cluster.conftest import TRAININGS
from tests.cluster.stack import BreakableCluster

#: Seconds between two polls that the DAG asks for.
INTERVAL = 20.0


@pytest.fixture(scope="module")
def finished(request: pytest.FixtureRequest, cluster: BreakableCluster) -> tuple[BreakableCluster, str]:
    """The cluster after the run; how long it took is printed, whatever pytest captures."""
    cluster.client.wait_for_dag("many")
    began = time.monotonic()
    run_id = cluster.client.trigger("many")
    cluster.client.wait_for_run("many", run_id, timeout=600 + 10 * TRAININGS)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{TRAININGS} trainings from start to end in {time.monotonic() - began:.0f} s")
    return cluster, run_id


def test_every_task_succeeds_at_its_first_try(finished: tuple[BreakableCluster, str]) -> None:
    cluster, run_id = finished
    tasks = cluster.client.task_instances("many", run_id)
    assert {(task["state"], task["try_number"]) for task in tasks} == {("success", 1)}
    assert len(tasks) == TRAININGS


def test_each_is_paid_once_and_returned_by_its_own_task(finished: tuple[BreakableCluster, str]) -> None:
    cluster, run_id = finished
    paid = {
        training["body"]["instance_prompt"]: training["training_id"]
        for training in cluster.trainings_of("many")
    }
    assert len(cluster.trainings_of("many")) == len(paid) == TRAININGS
    rows = cluster.query(
        "SELECT map_index, value #>> '{}' FROM xcom"
        " WHERE dag_id = 'many' AND run_id = :run_id AND key = 'return_value'",
        run_id=run_id,
    )
    returned = {index: str(value).strip('"') for index, value in rows}
    assert returned == {index: paid[f"photo of many{index:03d} fox"] for index in range(TRAININGS)}


def test_none_is_polled_more_often_than_asked(finished: tuple[BreakableCluster, str]) -> None:
    cluster, _ = finished
    polls = cluster.emulator.polls()
    many = {training["training_id"] for training in cluster.trainings_of("many")}
    # The first poll is the worker's before it defers, and the last one the worker's when it has resumed.
    gaps = [
        later - sooner
        for training_id in many
        for sooner, later in itertools.pairwise(polls[training_id][1:-1])
    ]
    assert len(gaps) > TRAININGS
    assert min(gaps) > 0.9 * INTERVAL
