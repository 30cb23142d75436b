# SPDX-License-Identifier: Apache-2.0
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


@pytest.mark.skipif(not compat.AIRFLOW_V_3_3_PLUS, reason="a static method since Airflow 3")
def test_only_a_dag_that_airflow_does_not_find_is_unknown() -> None:
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    assert list(inspect.signature(RuntimeTaskInstance.get_dag).parameters) == ["dag_id"]

    class Instance:
        code = 404

        def get_dag(self, dag_id: str) -> str:
            if dag_id == "sheet":
                return dag_id
            raise AirflowRuntimeError(
                ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": self.code})
            )

    instance = Instance()
    assert compat.unknown_dags(instance, ["sheet", "mispelt"]) == ["mispelt"]
    instance.code = 500
    with pytest.raises(AirflowRuntimeError):
        compat.unknown_dags(instance, ["mispelt"])


@pytest.mark.skipif(not compat.AIRFLOW_V_3_0_PLUS, reason="below, the database is read")
def test_where_airflow_cannot_tell_a_dag_that_never_ran_is_unknown() -> None:
    class Instance:
        def get_dr_count(self, *, dag_id: str) -> int:
            return 3 if dag_id == "sheet" else 0

    assert compat.unknown_dags(Instance(), ["sheet", "mispelt"]) == ["mispelt"]
