# SPDX-License-Identifier: Apache-2.0
"""Airflow's stores, each touch of which is a step and may fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from tests.unit.operators.paid_world.steps import Steps
from tests.unit.task_surroundings import MemoryStateStore, MemoryVariables, TaskInstance

RETRIES = 2


class StepVariables(MemoryVariables):
    """Airflow's Variables."""

    def __init__(self, world: Steps) -> None:
        super().__init__()
        self.world = world

    def _step(self, name: str) -> None:
        self.world.step(name)
        if self.world.is_out(name, "variables"):
            raise DreamboothTransientError("Airflow's Variables do not answer")

    def keys(self, prefix: str) -> Iterable[str]:
        self._step("variables listed")
        return super().keys(prefix)

    def get(self, key: str, default: Any) -> Any:
        self._step("variable read")
        return super().get(key, default)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        self._step("variable to be written")
        super().set(key, value, description)
        self.world.step("variable written")

    def delete(self, key: str) -> None:
        self._step("variable to be deleted")
        super().delete(key)


class StepStore(MemoryStateStore):
    """The task state store."""

    def __init__(self, world: Steps) -> None:
        super().__init__()
        self.world = world
        #: Entries that the present try has read.
        self.were_read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.world.step("state read")
        if self.world.is_out("state read", "state", "state reads"):
            raise RuntimeError("the state store does not answer")
        self.were_read.add(key)
        return super().get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.world.writing = value
        self.world.step("state to be written")
        if self.world.is_out("state to be written", "state", "state writes"):
            raise RuntimeError("the state store does not answer")
        super().set(key, value, retention=retention)
        self.world.step("state written")


class StepTaskInstance(TaskInstance):
    """A task instance."""

    def __init__(self, world: Steps, index: int) -> None:
        super().__init__(map_index=index, max_tries=RETRIES)
        self.world = world

    def xcom_push(self, key: str, value: Any) -> None:
        self.world.step(f"xcom {key} to be pushed")
        super().xcom_push(key, value)
        self.world.step(f"xcom {key} pushed")
