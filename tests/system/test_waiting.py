from __future__ import annotations

import time

import requests

from tests.system.stack import SystemStack

DAG_ID = "one_task_wait"
TASK_ID = "train_and_wait"


def test_a_waiting_task_is_deferred_and_goes_on_when_the_model_is_ready(stack: SystemStack) -> None:
    stack.client.wait_for_dag(DAG_ID)
    before = {training["training_id"] for training in stack.emulator.trainings()}
    run_id = stack.client.trigger(DAG_ID)
    training_id = new_training(stack, before)
    # It never ends while it is looked at, however slow the machine.
    control(stack, training_id, action="freeze", stage="training_started")
    stack.client.wait_for_task(DAG_ID, run_id, TASK_ID, {"deferred"})
    assert stack.client.xcom(DAG_ID, run_id, TASK_ID, key="training_id") == training_id

    control(stack, training_id, action="ready")
    assert stack.client.wait_for_run(DAG_ID, run_id) == "success", stack.client.describe(DAG_ID, run_id)
    assert stack.client.xcom(DAG_ID, run_id, TASK_ID) == training_id


def new_training(stack: SystemStack, before: set[str], timeout: float = 120.0) -> str:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for training in stack.emulator.trainings():
            if training["training_id"] not in before:
                return str(training["training_id"])
        time.sleep(0.2)
    raise TimeoutError("no training was started")


def control(stack: SystemStack, training_id: str, **wish: str) -> None:
    url = f"{stack.emulator.url}/emulator/trainings/{training_id}"
    requests.post(url, json=wish, timeout=30).raise_for_status()
