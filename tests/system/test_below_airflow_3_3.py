# SPDX-License-Identifier: Apache-2.0
"""What docs/compatibility.md says of Airflows without task state and without word of a kill."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.airflow_version import AIRFLOW, before_airflow
from tests.system.stack import SystemStack
from tests.system.trainings import control, known_ids, start_waiting

pytestmark = before_airflow("3.3", "the record of a training is a Variable, and no trigger learns of a kill")

DAG_ID = "one_task_wait"
TASK_ID = "train_and_wait"


def variables(stack: SystemStack) -> list[dict[str, Any]]:
    return list(stack.client.call("GET", "variables")["variables"])


@pytest.fixture
def waiting(stack: SystemStack) -> tuple[str, str]:
    """A run whose task is deferred, and its training, which goes on only when it is told to."""
    return start_waiting(stack, DAG_ID, TASK_ID)


def test_a_clear_of_a_waiting_task_finds_its_training_by_a_variable(
    stack: SystemStack, waiting: tuple[str, str]
) -> None:
    run_id, training_id = waiting
    paid = known_ids(stack)
    (record,) = [variable for variable in variables(stack) if training_id in variable["value"]]
    assert record["key"].startswith("dreambooth_training__")
    assert f"{DAG_ID}/{run_id}/{TASK_ID}" in record["description"]
    assert json.loads(record["value"])["training_id"] == training_id

    options = {"dry_run": False, "only_failed": False, "reset_dag_runs": True}
    body = {"dag_run_id": run_id, "task_ids": [TASK_ID], **options}
    stack.client.call("POST", f"dags/{DAG_ID}/clearTaskInstances", json=body)
    control(stack, training_id, action="ready")
    assert stack.client.wait_for_run(DAG_ID, run_id) == "success", stack.client.describe(DAG_ID, run_id)
    assert stack.client.xcom(DAG_ID, run_id, TASK_ID) == training_id
    assert known_ids(stack) == paid
    assert training_id not in str(variables(stack))


def test_a_task_that_is_marked_failed_has_said_that_its_training_would_keep_running(
    stack: SystemStack, waiting: tuple[str, str]
) -> None:
    run_id, training_id = waiting
    path = f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{TASK_ID}"
    body = {"new_state": "failed"} | ({"dry_run": False} if AIRFLOW.major < 3 else {})
    stack.client.call("PATCH", path, json=body)
    stack.client.wait_for_task(DAG_ID, run_id, TASK_ID, {"failed"})
    said = f"marked failed: training {training_id} would keep running"
    assert said in stack.client.task_log(DAG_ID, run_id, TASK_ID)
    (training,) = [found for found in stack.emulator.trainings() if found["training_id"] == training_id]
    assert training["stage"] in ("deploying_gpu", "training_started")
