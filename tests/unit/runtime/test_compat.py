"""The differences between Airflow versions, against the version that is installed."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_dreambooth.runtime import compat
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
def test_the_record_is_kept_in_airflows_task_state_for_a_year() -> None:
    accessor = Accessor()
    store = compat.state_store({"task_state_store": accessor, "ti": TaskInstance()})
    assert store.keeps_ended
    store.set("record", {"a": 1})
    assert store.get("record") == {"a": 1}
    assert accessor.entries["record"][1] == timedelta(days=365)
    store.delete("record")
    assert store.get("record") is None


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> MemoryVariables:
    values = MemoryVariables()
    monkeypatch.setattr(compat, "variable", lambda: values)
    return values


def test_without_a_state_store_the_record_is_a_variable(variables: MemoryVariables) -> None:
    store = compat.state_store({"ti": TaskInstance()})
    assert not store.keeps_ended
    assert store.get("record") is None
    store.set("record", {"a": 1})
    assert compat.state_store({"ti": TaskInstance()}).get("record") == {"a": 1}
    store.delete("record")
    assert not variables.values


def test_task_instances_do_not_share_their_variable(variables: MemoryVariables) -> None:
    mapped = [compat.state_store({"ti": TaskInstance(map_index=index)}) for index in (-1, 0, 1)]
    for number, store in enumerate(mapped):
        store.set("record", number)
    assert [store.get("record") for store in mapped] == [0, 1, 2]


def test_the_installed_variable_takes_what_is_passed_to_it() -> None:
    found = compat.variable()
    assert next(iter(inspect.signature(found.get).parameters)) == "key"
    assert "description" in inspect.signature(found.set).parameters
    assert "key" in inspect.signature(found.delete).parameters
    if compat.CAN_LIST_VARIABLES:
        assert list(inspect.signature(found.keys).parameters) == ["prefix"]


@pytest.mark.parametrize(("index", "asked"), [(-1, None), (0, 0), (7, 7)])
def test_a_tasks_state_is_asked_for_by_its_map_index(index: int, asked: int | None) -> None:
    instance = TaskInstance(map_index=index)
    instance.state = "failed"
    assert compat.task_state(instance) == "failed"


@pytest.mark.skipif(not compat.CAN_LIST_VARIABLES, reason="a static method since Airflow 3")
def test_the_installed_task_instance_answers_that_question() -> None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    parameters = inspect.signature(RuntimeTaskInstance.get_task_states).parameters
    assert {"dag_id", "task_ids", "run_ids", "map_index"} <= set(parameters)


def test_max_tries_is_a_number_whatever_the_context_holds() -> None:
    assert compat.max_tries({"ti": TaskInstance(max_tries=4)}) == 4
    assert compat.max_tries({"ti": object()}) == 0


async def test_a_connection_is_read_inside_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOMEWHERE", '{"conn_type": "dreambooth", "password": "word"}')
    assert (await compat.get_connection("somewhere")).password == "word"
