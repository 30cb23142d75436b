# SPDX-License-Identifier: Apache-2.0
"""
Where a task instance keeps what must survive its tries: the record of its training, of its images, of its rendering.

On Airflow 3.3 that is the task state store. Below it is an Airflow Variable for each entry, read strictly (see
:mod:`airflow_provider_dreambooth.runtime.variables`). An entry counts as absent only when Airflow said so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.runtime import compat, variables

Result = TypeVar("Result")

#: A user's clear of an old run should still find its training; Airflow's default is 30 days.
STATE_KEPT = timedelta(days=365)


class StateStore(Protocol):
    """
    A durable JSON store that belongs to one task instance and survives its tries.

    Each method raises :class:`DreamboothTransientError` when Airflow does not answer.
    """

    #: Whether an entry may stay after the task has ended, so that a clear finds it.
    keeps_ended: bool

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: Any) -> None: ...

    def delete(self, key: str) -> None: ...


class TaskStateStore:
    """Airflow 3.3's own task state store; users see and edit its entries."""

    keeps_ended = True

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def get(self, key: str) -> Any:
        return _answered("read", key, lambda: self._accessor.get(key))

    def set(self, key: str, value: Any) -> None:
        _answered("written", key, lambda: self._accessor.set(key, value, retention=STATE_KEPT))

    def delete(self, key: str) -> None:
        _answered("deleted", key, lambda: self._accessor.delete(key))


class VariableStateStore:
    """Below 3.3: an Airflow Variable for each entry, removed at the end so that they do not pile up."""

    keeps_ended = False

    def __init__(self, task_instance: Any) -> None:
        index = getattr(task_instance, "map_index", -1)
        parts = (
            task_instance.dag_id,
            task_instance.run_id,
            task_instance.task_id,
            "" if index is None else index,
        )
        self._task_instance = task_instance
        self._name = "/".join(str(part) for part in parts)
        self._digest = hashlib.sha256(self._name.encode()).hexdigest()[:24]

    def _key(self, key: str) -> str:
        return f"{key}__{self._digest}"

    def get(self, key: str) -> Any:
        name = self._key(key)
        text = variables.accessor().get(name, None)
        if text is None and self._database_answers(name):
            # The API server takes an error of its database for "not there" (3.0 to 3.3). It reads it again now.
            text = variables.accessor().get(name, None)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise DreamboothValidationError(
                f"Airflow Variable {name!r} of task {self._name} is not JSON. It says whether a training is paid "
                "already, so nothing is sent to the service without it. Correct it, or delete it to start again: that "
                "pays for a new training."
            ) from None

    def _database_answers(self, name: str) -> bool:
        """Return whether "not there" needs a second question, asked once the database has answered another one."""
        if not compat.AIRFLOW_V_3_0_PLUS:
            return False
        instance = self._task_instance
        try:
            if not instance.get_dr_count(dag_id=instance.dag_id, run_ids=[instance.run_id]):
                raise LookupError("Airflow does not find the task's own run")
        except Exception as error:
            raise variables.unanswered(f"Airflow Variable {name!r}", "read", error) from error
        return True

    def set(self, key: str, value: Any) -> None:
        description = f"Do not delete while the task runs: {self._name}"
        variables.accessor().set(self._key(key), json.dumps(value), description=description[:500])

    def delete(self, key: str) -> None:
        variables.accessor().delete(self._key(key))


def state_store(context: Mapping[str, Any]) -> StateStore:
    """
    Return the durable store of the running task instance.

    :param context: the task's context.
    """
    if compat.AIRFLOW_V_3_3_PLUS:
        accessor = context.get("task_state_store")
        if accessor is not None:
            return TaskStateStore(accessor)
    return VariableStateStore(context["ti"])


def _answered(done: str, key: str, action: Callable[[], Result]) -> Result:
    try:
        return action()
    except Exception as error:
        raise variables.unanswered(f"Entry {key!r} of this task's state in Airflow", done, error) from error
