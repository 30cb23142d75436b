# SPDX-License-Identifier: Apache-2.0
"""Trainings of the emulator beside the stack: which there are, and what becomes of them."""

from __future__ import annotations

import time

import requests

from tests.system.stack import SystemStack


def known_ids(stack: SystemStack) -> set[str]:
    """Return the ids of all trainings that the emulator has."""
    return {training["training_id"] for training in stack.emulator.trainings()}


def new_training(stack: SystemStack, before: set[str], timeout: float = 120.0) -> str:
    """Return the id of a training that was not there before, as soon as there is one."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for training_id in known_ids(stack) - before:
            return training_id
        time.sleep(0.2)
    raise TimeoutError("no training was started")


def control(stack: SystemStack, training_id: str, **wish: str) -> None:
    """Let a training go on, stop or end, as the emulator's control interface takes it."""
    url = f"{stack.emulator.url}/emulator/trainings/{training_id}"
    requests.post(url, json=wish, timeout=30).raise_for_status()


def start_waiting(stack: SystemStack, dag_id: str, task_id: str) -> tuple[str, str]:
    """
    Run a DAG until its task is deferred, and return the run and the training that it waits for.

    The training goes no further until it is told to, however slow the machine.
    """
    stack.client.wait_for_dag(dag_id)
    before = known_ids(stack)
    run_id = stack.client.trigger(dag_id)
    training_id = new_training(stack, before)
    control(stack, training_id, action="freeze", stage="training_started")
    stack.client.wait_for_task(dag_id, run_id, task_id, {"deferred"})
    return run_id, training_id
