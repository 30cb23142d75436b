# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.system.stack import SystemStack
from tests.system.trainings import control, start_waiting

DAG_ID = "one_task_wait"
TASK_ID = "train_and_wait"


def test_a_waiting_task_is_deferred_and_goes_on_when_the_model_is_ready(stack: SystemStack) -> None:
    run_id, training_id = start_waiting(stack, DAG_ID, TASK_ID)
    assert stack.client.xcom(DAG_ID, run_id, TASK_ID, key="training_id") == training_id

    control(stack, training_id, action="ready")
    assert stack.client.wait_for_run(DAG_ID, run_id) == "success", stack.client.describe(DAG_ID, run_id)
    assert stack.client.xcom(DAG_ID, run_id, TASK_ID) == training_id
