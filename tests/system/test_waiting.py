from __future__ import annotations

from tests.system.stack import SystemStack
from tests.system.trainings import control, known_ids, new_training

DAG_ID = "one_task_wait"
TASK_ID = "train_and_wait"


def test_a_waiting_task_is_deferred_and_goes_on_when_the_model_is_ready(stack: SystemStack) -> None:
    stack.client.wait_for_dag(DAG_ID)
    before = known_ids(stack)
    run_id = stack.client.trigger(DAG_ID)
    training_id = new_training(stack, before)
    # It never ends while it is looked at, however slow the machine.
    control(stack, training_id, action="freeze", stage="training_started")
    stack.client.wait_for_task(DAG_ID, run_id, TASK_ID, {"deferred"})
    assert stack.client.xcom(DAG_ID, run_id, TASK_ID, key="training_id") == training_id

    control(stack, training_id, action="ready")
    assert stack.client.wait_for_run(DAG_ID, run_id) == "success", stack.client.describe(DAG_ID, run_id)
    assert stack.client.xcom(DAG_ID, run_id, TASK_ID) == training_id
