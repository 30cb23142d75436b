# SPDX-License-Identifier: Apache-2.0
"""What Airflow puts around a running task, in memory: task instance, state store, Variables, XComs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any


class MemoryVariables:
    """Airflow's Variables.

    :param values: what is there already.
    """

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self.values: dict[str, str] = {} if values is None else values

    def keys(self, prefix: str) -> Iterable[str]:
        return [key for key in self.values if key.startswith(prefix)]

    def get(self, key: str, default: Any) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        assert isinstance(value, str)
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


class MemoryStateStore:
    """Airflow's task state store: JSON values that survive the tries of a task instance."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.entries[key]) if key in self.entries else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        assert value is not None
        self.entries[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        self.entries.pop(key, None)


class TaskInstance:
    """A task instance with the parts that the provider uses."""

    def __init__(self, task_id: str = "train", map_index: int = -1, max_tries: int = 2) -> None:
        self.dag_id, self.run_id, self.task_id, self.map_index = "portraits", "manual__1", task_id, map_index
        self.max_tries = max_tries
        self.try_number = 1
        self.xcoms: dict[str, Any] = {}
        self.upstream: dict[str, Any] = {}
        self.pushed: list[str] = []
        self.state = "running"
        #: States of the run's other tasks.
        self.others: dict[str, str] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        json.dumps(value)
        self.pushed.append(key)
        self.xcoms[key] = value

    def xcom_pull(self, *, task_ids: str | list[str], key: str, map_indexes: int = -1) -> Any:
        """Return an XCom of this task, or what the tasks before it have pushed."""
        if task_ids == self.task_id:
            assert map_indexes == self.map_index
            return self.xcoms.get(key)
        assert isinstance(task_ids, list)
        return self.upstream.get(key)

    def get_task_states(self, **asked: Any) -> dict[str, dict[str, str]]:
        name = self.task_id if self.map_index < 0 else f"{self.task_id}_{self.map_index}"
        if "task_ids" not in asked:
            return {self.run_id: {name: self.state, **self.others}}
        assert asked["map_index"] == (None if self.map_index < 0 else self.map_index)
        return {self.run_id: {name: self.state}}

    def get_dagrun(self) -> Any:
        """Below Airflow 3 a worker reads the run itself."""
        others: list[Any] = [
            SimpleNamespace(task_id=task_id, map_index=-1, state=state)
            for task_id, state in self.others.items()
        ]
        return SimpleNamespace(
            get_task_instances=lambda state: [item for item in [self, *others] if item.state == state]
        )

    def get_dr_count(self, **asked: Any) -> int:
        return int(asked == {"dag_id": self.dag_id, "run_ids": [self.run_id]})

    def refresh_from_db(self) -> None:
        """Below Airflow 3 a worker reads the state itself; here it is there already."""

    def get_first_reschedule_date(self, context: Any) -> None:
        return None


def context_of(task_instance: TaskInstance, store: MemoryStateStore | None = None) -> Any:
    """Return the context of a running task.

    :param task_instance: the task instance.
    :param store: its state, which earlier tries may have filled.
    """
    return {"ti": task_instance, "task_state_store": store or MemoryStateStore(), "outlet_events": {}}
