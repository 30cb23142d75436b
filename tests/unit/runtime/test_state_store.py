# SPDX-License-Identifier: Apache-2.0
"""What a task instance keeps over its tries is read or it is an error; it is never taken for absent."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.runtime import compat, variables
from airflow_provider_dreambooth.runtime.state_store import TaskStateStore, VariableStateStore, state_store
from tests.unit.runtime.airflow_answers import absent, airflow_answers, broken, found
from tests.unit.task_surroundings import MemoryVariables, TaskInstance


class Accessor:
    """Airflow's accessor, whose signature the next test compares."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[Any, timedelta | None]] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.entries.get(key, (default, None))[0]

    def set(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        self.entries[key] = (value, retention)

    def delete(self, key: str) -> None:
        self.entries.pop(key, None)


@pytest.mark.skipif(not compat.CAN_LIST_VARIABLES, reason="the task state store came with Airflow 3.3")
def test_airflows_accessor_takes_what_is_passed_to_it() -> None:
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    for name in ("get", "set", "delete"):
        ours = inspect.signature(getattr(Accessor, name)).parameters
        theirs = inspect.signature(getattr(TaskStateStoreAccessor, name)).parameters
        assert set(ours) <= set(theirs), name


@pytest.mark.skipif(not compat.CAN_LIST_VARIABLES, reason="the task state store came with Airflow 3.3")
def test_an_entry_is_kept_in_airflows_task_state_for_a_year() -> None:
    accessor = Accessor()
    store = state_store({"task_state_store": accessor, "ti": TaskInstance()})
    assert store.keeps_ended
    store.set("record", {"a": 1})
    assert store.get("record") == {"a": 1}
    assert accessor.entries["record"][1] == timedelta(days=365)
    store.delete("record")
    assert store.get("record") is None


@pytest.mark.parametrize("method", ["get", "set", "delete"])
def test_a_task_state_that_does_not_answer_is_a_transient_error(method: str, monkeypatch: Any) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("API_SERVER_ERROR at 10.0.0.1")

    accessor = Accessor()
    monkeypatch.setattr(accessor, method, fail)
    arguments: tuple[Any, ...] = ("record", {}) if method == "set" else ("record",)
    with pytest.raises(DreamboothTransientError, match="'record' of this task's state") as caught:
        getattr(TaskStateStore(accessor), method)(*arguments)
    assert "10.0.0.1" not in str(caught.value)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> MemoryVariables:
    values = MemoryVariables()
    monkeypatch.setattr(variables, "accessor", lambda: values)
    return values


def test_without_a_task_state_store_an_entry_is_a_variable(kept: MemoryVariables) -> None:
    store = state_store({"ti": TaskInstance()})
    assert not store.keeps_ended
    assert store.get("record") is None
    store.set("record", {"a": 1})
    assert state_store({"ti": TaskInstance()}).get("record") == {"a": 1}
    store.delete("record")
    assert not kept.values


def test_task_instances_do_not_share_their_variable(kept: MemoryVariables) -> None:
    mapped = [state_store({"ti": TaskInstance(map_index=index)}) for index in (-1, 0, 1)]
    for number, store in enumerate(mapped):
        store.set("record", number)
    assert [store.get("record") for store in mapped] == [0, 1, 2]


@pytest.mark.parametrize("text", ["", "{", "None", "{'a': 1}"])
def test_a_variable_that_is_not_json_is_an_error_for_people(text: str, kept: MemoryVariables) -> None:
    store = VariableStateStore(TaskInstance())
    store.set("record", {})
    (name,) = kept.values
    kept.values[name] = text
    with pytest.raises(DreamboothValidationError) as caught:
        store.get("record")
    assert name in str(caught.value)
    assert "portraits/manual__1/train" in str(caught.value)


def test_a_failed_read_is_a_transient_error() -> None:
    with airflow_answers(broken()), pytest.raises(DreamboothTransientError):
        VariableStateStore(TaskInstance()).get("record")


def test_an_entry_that_airflow_does_not_have_is_absent() -> None:
    with airflow_answers(absent()):
        assert VariableStateStore(TaskInstance()).get("record") is None


@pytest.mark.skipif(
    not compat.AIRFLOW_V_3_0_PLUS, reason="below Airflow 3 a worker reads the database itself"
)
def test_an_error_that_the_api_server_took_for_absent_is_noticed_by_asking_again() -> None:
    with airflow_answers(absent(), found('{"a": 1}')):
        assert VariableStateStore(TaskInstance()).get("record") == {"a": 1}


@pytest.mark.skipif(
    not compat.AIRFLOW_V_3_0_PLUS, reason="below Airflow 3 a worker reads the database itself"
)
@pytest.mark.parametrize("count", [0, RuntimeError("API_SERVER_ERROR")], ids=repr)
def test_nothing_is_absent_while_the_database_does_not_answer(count: Any, monkeypatch: Any) -> None:
    def get_dr_count(**asked: Any) -> int:
        if isinstance(count, Exception):
            raise count
        return int(count)

    instance = TaskInstance()
    monkeypatch.setattr(instance, "get_dr_count", get_dr_count)
    with airflow_answers(absent()), pytest.raises(DreamboothTransientError):
        VariableStateStore(instance).get("record")


@pytest.mark.skipif(
    not compat.AIRFLOW_V_3_0_PLUS, reason="below Airflow 3 a worker reads the database itself"
)
def test_the_installed_task_instance_answers_that_question() -> None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    assert {"dag_id", "run_ids"} <= set(inspect.signature(RuntimeTaskInstance.get_dr_count).parameters)
