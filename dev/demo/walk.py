# SPDX-License-Identifier: Apache-2.0
"""One run of the example DAG train → wait → render, followed from start to end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dev.demo.narrator import Narrator
from dev.demo.stack import Stack

DAG_ID = "train_wait_render"
MEANING = {
    "running": "is running on a worker",
    "deferred": "waits, deferred: it takes no worker slot",
    "up_for_retry": "failed, and will be tried again",
    "success": "done",
    "failed": "failed",
}
#: Far more than the run needs; a run that takes longer is stuck.
PATIENCE = 240.0


def walk(stack: Stack, narrator: Narrator) -> bool:
    """Trigger the DAG, tell what happens, and give back whether every task succeeded."""
    stack.client.wait_for_dag(DAG_ID)
    run_id = stack.client.trigger(DAG_ID, time.strftime("demo-%Y-%m-%d-%H%M%S"))
    narrator.say(f"DAG {DAG_ID} triggered, run {run_id}", "airflow")
    try:
        state = _follow(stack, narrator, run_id)
    finally:
        narrator.close()
    tasks = stack.client.task_instances(DAG_ID, run_id)
    if state == "success" and all(task["state"] == "success" for task in tasks):
        return True
    narrator.say(f"The run is {state}. Its tasks, with the logs of those that failed:", "airflow")
    narrator.console.print(stack.client.describe(DAG_ID, run_id), markup=False)
    return False


def _follow(stack: Stack, narrator: Narrator, run_id: str) -> str:
    deadline = time.monotonic() + PATIENCE + stack.emulator.duration
    while True:
        stack.check()
        state = stack.client.run_state(DAG_ID, run_id)
        for training in stack.emulator.trainings():
            narrator.training(training)
        for task in stack.client.task_instances(DAG_ID, run_id):
            meaning = MEANING.get(task["state"])
            if meaning and narrator.once(task["task_id"], task["try_number"], task["state"]):
                narrator.say(meaning + _detail(stack, run_id, task), task["task_id"])
        if state in ("success", "failed") or time.monotonic() > deadline:
            return state
        time.sleep(0.5)


def _detail(stack: Stack, run_id: str, task: dict[str, Any]) -> str:
    task_id = task["task_id"]
    if task["state"] in ("failed", "up_for_retry"):
        return f"\n{stack.client.failure(DAG_ID, run_id, task_id, task['try_number'])}"
    if task["state"] != "success":
        return ""
    value = stack.client.xcom(DAG_ID, run_id, task_id)
    if isinstance(value, list):
        return f": {len(value)} images"
    return f": {'training' if task_id == 'train' else 'model'} {value}"


def images(folder: Path, since: float) -> list[Path]:
    """Images saved since a moment (epoch seconds)."""
    return sorted(path for path in folder.rglob("*.png") if path.stat().st_mtime >= since - 1)
