from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AssetAlias, TaskDeferred

from airflow_provider_dreambooth.assets import ReadyModel
from airflow_provider_dreambooth.emulator.clock import ManualClock
from airflow_provider_dreambooth.emulator.server import RunningEmulator
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.housekeeping.use import Use
from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothCancelTrainingOperator,
    DreamboothDeleteModelOperator,
    DreamboothKeepNewestModelsOperator,
    DreamboothReloadModelOperator,
    DreamboothTextToImageOperator,
)
from tests.airflow_version import since_airflow
from tests.unit.task_surroundings import MemoryVariables


class TaskInstance:
    """What these operators ask of it."""

    dag_id, run_id, task_id, map_index, max_tries = "dag", "run", "task", -1, 0

    def __init__(self, running: dict[str, int] | None = None) -> None:
        self.xcoms: dict[str, Any] = {}
        self.running = running or {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def get_dr_count(
        self, *, dag_id: str, states: list[str] | None = None, run_ids: list[str] | None = None
    ) -> int:
        if run_ids is not None:
            return len(run_ids)
        assert states == ["queued", "running"]
        return self.running.get(dag_id, 0)


def left(connection: str) -> list[str]:
    return [model.model_id or "" for model in DreamboothHook(connection).list_models()]


def keep(connection: str, instance: TaskInstance | None = None, **arguments: Any) -> list[str]:
    operator = DreamboothKeepNewestModelsOperator(
        task_id="keep", dreambooth_conn_id=connection, **{"keep": 2, **arguments}
    )
    context: Any = {"ti": instance or TaskInstance(), **arguments.get("params", {})}
    return operator.execute(context)


def test_the_newest_stay_at_the_service(
    models: list[str], connection: str, variables: MemoryVariables
) -> None:
    assert keep(connection, model_ids=models) == models[:2]
    assert set(left(connection)) == set(models[2:])


def test_running_it_again_deletes_nothing_more(
    models: list[str], connection: str, variables: MemoryVariables
) -> None:
    keep(connection, model_ids=models)
    assert keep(connection, model_ids=models) == []


def test_report_only_deletes_nothing_and_says_the_same(
    models: list[str], connection: str, variables: MemoryVariables
) -> None:
    instance = TaskInstance()
    assert keep(connection, instance, model_ids=models, report_only="True") == models[:2]
    assert set(left(connection)) == set(models)
    assert [verdict["delete"] for verdict in instance.xcoms["verdicts"]] == [True, True, False, False]


def test_a_model_that_somebody_renders_with_stays(
    models: list[str], connection: str, emulator: RunningEmulator, variables: MemoryVariables
) -> None:
    render = DreamboothTextToImageOperator(
        task_id="render", model_id=models[0], prompt="a fox", dreambooth_conn_id=connection
    )
    context: Any = {"ti": TaskInstance()}
    render.execute(context)
    instance = TaskInstance()
    assert keep(connection, instance, model_ids=models) == [models[1]]
    assert instance.xcoms["verdicts"][0]["why"] == "it is in use: dag / run / task"


def test_a_use_of_long_ago_protects_no_more(
    models: list[str], connection: str, emulator: RunningEmulator, variables: MemoryVariables
) -> None:
    use = Use(variables, emulator.url.removeprefix("http://"))
    use.mark(models[0], by="x", now=time.time() - 2 * 86400)
    assert keep(connection, model_ids=models) == models[:2]
    assert variables.values == {}, "the mark of a deleted model is left"


@since_airflow("3.0", "runs are asked for through the task instance; tests/dags has the other way")
def test_nothing_is_deleted_while_a_rendering_dag_runs(
    models: list[str], connection: str, variables: MemoryVariables
) -> None:
    busy = TaskInstance({"contact_sheet": 1})
    assert keep(connection, busy, model_ids=models, rendering_dags=["other", "contact_sheet"]) == []
    assert set(left(connection)) == set(models)
    assert keep(connection, model_ids=models, rendering_dags=["other", "contact_sheet"]) == models[:2]


class EventsOf:
    """Airflow's accessor, for one inlet; a dictionary would not do, since an alias of Airflow 3.0 is no key of one."""

    def __init__(self, inlet: Any, events: Any) -> None:
        self.inlet, self.events = inlet, events

    def __getitem__(self, inlet: Any) -> Any:
        assert inlet == self.inlet
        return self.events


def test_subjects_are_read_from_asset_events(
    models: list[str], connection: str, emulator: RunningEmulator, variables: MemoryVariables
) -> None:
    alias = AssetAlias("dreambooth-models")
    host = emulator.url.removeprefix("http://")
    events = [
        SimpleNamespace(
            timestamp=None,
            extra=ReadyModel(
                model_id,
                place,
                "production",
                instance_prompt=subject,
                ready_at=f"2026-01-0{day}T00:00:00+00:00",
            ).to_extra(),
        )
        for model_id, place, subject, day in (
            (models[0], host, "fox", 1),
            (models[1], host, "fox", 2),
            (models[2], host, "robot", 3),
            (models[3], "another.example", "fox", 4),
        )
    ]
    operator = DreamboothKeepNewestModelsOperator(
        task_id="keep", keep=1, inlets=[alias], dreambooth_conn_id=connection
    )
    context: Any = {"ti": TaskInstance(), "inlet_events": EventsOf(alias, events)}
    assert operator.execute(context) == [models[0]]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"keep": 0, "model_ids": []}, "keep"),
        ({"keep": "many", "model_ids": []}, "keep"),
        ({"model_ids": "abc"}, "model_ids"),
        ({"model_ids": [], "report_only": "perhaps"}, "report_only"),
        ({}, "inlets"),
    ],
)
def test_what_makes_no_sense_is_refused(
    connection: str, variables: MemoryVariables, arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(DreamboothValidationError, match=why):
        keep(connection, **arguments)


def test_delete_and_cancel_only_report_when_asked_to(
    models: list[str], connection: str, emulator: RunningEmulator
) -> None:
    running = DreamboothHook(connection).fine_tune(
        instance_prompt="photo of sks robot",
        class_prompt="photo of a robot",
        images=[f"{emulator.url}/samples/robot/{image}.png" for image in range(1, 9)],
    )
    common: dict[str, Any] = {"dreambooth_conn_id": connection, "report_only": True}
    context: Any = {"ti": TaskInstance()}
    DreamboothDeleteModelOperator(task_id="d", model_id=models[0], **common).execute(context)
    DreamboothCancelTrainingOperator(task_id="c", training_id=running.training_id, **common).execute(context)
    assert models[0] in left(connection)
    assert DreamboothHook(connection).fine_tune_status(running.training_id).stage == "deploying_gpu"


class TestReload:
    """Loading a model again that was idle for more than a week."""

    @pytest.fixture
    def idle(self, models: list[str], clock: ManualClock) -> str:
        clock.advance(8 * 86400)
        return models[0]

    def reload(self, connection: str, model_id: str, **arguments: Any) -> Any:
        return DreamboothReloadModelOperator(
            task_id="reload", model_id=model_id, dreambooth_conn_id=connection, **arguments
        )

    def test_it_waits_until_the_model_is_loaded(
        self, idle: str, connection: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "airflow_provider_dreambooth.operators.reload_model.time.sleep",
            lambda seconds: clock.advance(seconds),
        )
        operator = self.reload(connection, idle, wait_for_completion=True, poll_interval=50)
        assert operator.execute({}) == idle
        assert not DreamboothHook(connection).reload_model(idle).processing

    def test_it_waits_without_a_worker(self, idle: str, connection: str, clock: ManualClock) -> None:
        operator = self.reload(connection, idle, wait_for_completion=True, deferrable=True)
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute({})
        clock.advance(121)
        assert operator.execute_complete({}, {"status": "turn"}, **(deferred.value.kwargs or {})) == idle

    def test_it_gives_up_after_its_timeout(self, idle: str, connection: str) -> None:
        operator = self.reload(connection, idle, wait_for_completion=True, timeout=1e-6)
        with pytest.raises(DreamboothTransientError, match="not loaded in time"):
            operator.execute({})

    def test_a_loaded_model_is_left_as_it_is(self, models: list[str], connection: str) -> None:
        operator = self.reload(connection, models[0], wait_for_completion=True)
        assert operator.execute({}) == models[0]

    def test_report_only_asks_nothing(self, connection: str) -> None:
        assert self.reload(connection, "nobody-knows-it", report_only=True).execute({}) == "nobody-knows-it"
