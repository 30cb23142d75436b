# SPDX-License-Identifier: Apache-2.0
"""The cluster for tests: it can be broken, and asked who did what."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dev.cluster.stack import ClusterStack
from tests.system.stack import SystemStack
from tests.system.trainings import control


class BreakableCluster(SystemStack, ClusterStack):
    """A cluster whose members can be killed and started again."""

    def trainings_of(self, name: str) -> list[dict[str, Any]]:
        """Trainings, each paid, whose instance prompt has a word that begins with a name."""
        return [
            training
            for training in self.emulator.trainings()
            if f" of {name}" in training["body"]["instance_prompt"]
        ]

    def wait_until(self, what: str, ready: Callable[[], bool], timeout: float = 240.0) -> None:
        """Return as soon as something is so; every component must live meanwhile."""
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:.0f} s: {what}")
            time.sleep(0.5)

    def wait_for_states(
        self, dag_id: str, run_id: str, states: dict[str, str], timeout: float = 240.0
    ) -> None:
        """Return as soon as all instances of each task are in its state."""
        found: set[tuple[str, str | None]] = set()

        def ready() -> bool:
            nonlocal found
            found = {(task["task_id"], task["state"]) for task in self.client.task_instances(dag_id, run_id)}
            return all(state == states[task_id] for task_id, state in found if task_id in states)

        try:
            self.wait_until(f"{dag_id} is {states}", ready, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {sorted(found, key=str)}") from None

    def watchers(self, dag_id: str, run_id: str) -> dict[str | None, set[str | None]]:
        """Queues of the triggers of a run's deferred tasks, by the triggerer that has them."""
        rows = self.query(
            "SELECT job.hostname, trigger.queue FROM task_instance"
            " JOIN trigger ON task_instance.trigger_id = trigger.id"
            " LEFT JOIN job ON trigger.triggerer_id = job.id"
            " WHERE task_instance.dag_id = :dag_id AND task_instance.run_id = :run_id",
            dag_id=dag_id,
            run_id=run_id,
        )
        found: dict[str | None, set[str | None]] = {}
        for triggerer, queue in rows:
            found.setdefault(triggerer, set()).add(queue)
        return found

    def workers(self, dag_id: str, run_id: str, *task_ids: str) -> set[str]:
        """Workers that run the present tries of a run's tasks, or ran them last."""
        tasks = self.client.task_instances(dag_id, run_id)
        return {task["hostname"] for task in tasks if not task_ids or task["task_id"] in task_ids}

    def tries(self, dag_id: str, run_id: str, task_id: str) -> set[int]:
        """Numbers of the present tries of a task's instances."""
        tasks = self.client.task_instances(dag_id, run_id)
        return {task["try_number"] for task in tasks if task["task_id"] == task_id}

    def restart(self, *names: str) -> None:
        """Start members again after they were killed."""
        for name in names:
            self.start_member(name)
        for name in names:
            if name.startswith("worker"):
                self.wait_for_worker(name)

    def ready_all(self, name: str) -> None:
        """Make all trainings of a name ready."""
        for training in self.trainings_of(name):
            control(self, training["training_id"], action="ready")
