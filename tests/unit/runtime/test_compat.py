"""The differences between Airflow versions, against the version that is installed."""

from __future__ import annotations

import inspect

import pytest

from airflow_provider_dreambooth.runtime import compat
from tests.unit.task_surroundings import TaskInstance


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
