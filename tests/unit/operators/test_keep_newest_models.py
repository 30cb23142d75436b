# SPDX-License-Identifier: Apache-2.0
"""Keeping the newest models of each subject, at a real emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AssetAlias

from airflow_provider_dreambooth.assets import ReadyModel
from airflow_provider_dreambooth.emulator.clock import ManualClock
from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator
from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothCancelTrainingOperator,
    DreamboothDeleteModelOperator,
    DreamboothKeepNewestModelsOperator,
)
from tests.airflow_version import since_airflow


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[RunningEmulator]:
    with running_emulator(
        Options(port=0, quiet=True, duration=60.0, render=0.0, reload=120.0), clock
    ) as running:
        yield running


@pytest.fixture
def connection(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> str:
    document = {
        "conn_type": "dreambooth",
        "host": emulator.url,
        "password": "key-of-housekeeping",
        "extra": {"environment": "production"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_HOUSE", json.dumps(document))
    return "house"


@pytest.fixture
def models(connection: str, emulator: RunningEmulator, clock: ManualClock) -> list[str]:
    """Four models of one subject, oldest first."""
    hook = DreamboothHook(connection)
    ids = [
        hook.fine_tune(
            instance_prompt=f"photo of sks fox {number}",
            class_prompt="photo of a fox",
            images=[f"{emulator.url}/samples/fox/{image}.png" for image in range(1, 9)],
        ).training_id
        for number in range(4)
    ]
    clock.advance(61)
    return ids


class TaskInstance:
    """What these operators ask of it."""

    dag_id, run_id, task_id, map_index, max_tries = "dag", "run", "task", -1, 0

    def __init__(self, running: dict[str, int] | None = None) -> None:
        self.xcoms: dict[str, Any] = {}
        self.running = running or {}
        self.asked = 0

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def get_dr_count(
        self, *, dag_id: str, states: list[str] | None = None, run_ids: list[str] | None = None
    ) -> int:
        if run_ids is not None:
            return len(run_ids)
        if states is None:
            return 1 if dag_id in self.running else 0
        assert states == ["queued", "running"]
        self.asked += 1
        return self.running.get(dag_id, 0)


def left(connection: str) -> list[str]:
    return [model.model_id or "" for model in DreamboothHook(connection).list_models()]


def keep(connection: str, instance: TaskInstance | None = None, **arguments: Any) -> list[str]:
    operator = DreamboothKeepNewestModelsOperator(
        task_id="keep", dreambooth_conn_id=connection, **{"keep": 2, "rendering_dags": [], **arguments}
    )
    context: Any = {"ti": instance or TaskInstance(), **arguments.get("params", {})}
    return operator.execute(context)


def test_the_newest_stay_at_the_service(models: list[str], connection: str) -> None:
    assert keep(connection, model_ids=models) == models[:2]
    assert set(left(connection)) == set(models[2:])


def test_running_it_again_deletes_nothing_more(models: list[str], connection: str) -> None:
    keep(connection, model_ids=models)
    assert keep(connection, model_ids=models) == []


def test_report_only_deletes_nothing_and_says_the_same(models: list[str], connection: str) -> None:
    instance = TaskInstance()
    assert keep(connection, instance, model_ids=models, report_only="True") == models[:2]
    assert set(left(connection)) == set(models)
    assert [verdict["delete"] for verdict in instance.xcoms["verdicts"]] == [True, True, False, False]


@since_airflow("3.0", "runs are asked for through the task instance; tests/dags has the other way")
def test_nothing_is_deleted_while_a_rendering_dag_runs(models: list[str], connection: str) -> None:
    busy = TaskInstance({"contact_sheet": 1, "other": 0})
    dags = ["other", "contact_sheet"]
    assert keep(connection, busy, model_ids=models, rendering_dags=dags) == []
    assert set(left(connection)) == set(models)
    idle = TaskInstance(dict.fromkeys(dags, 0))
    assert keep(connection, idle, model_ids=models, rendering_dags=dags) == models[:2]


@since_airflow("3.0", "runs are asked for through the task instance; tests/dags has the other way")
def test_a_run_that_begins_between_two_deletions_stops_them(models: list[str], connection: str) -> None:
    class Beginning(TaskInstance):
        def get_dr_count(self, **asked: Any) -> int:
            self.running["sheet"] = int(self.asked >= 2)
            return super().get_dr_count(**asked)

    instance = Beginning({"sheet": 0})
    assert keep(connection, instance, model_ids=models, rendering_dags=["sheet"]) == models[:1]
    assert set(left(connection)) == set(models[1:])


@since_airflow("3.0", "DAGs are asked for through the task instance; tests/dags has the other way")
def test_a_rendering_dag_that_airflow_does_not_know_is_refused(models: list[str], connection: str) -> None:
    with pytest.raises(DreamboothValidationError, match=r"names mispelt, which Airflow does not know"):
        keep(connection, TaskInstance({"sheet": 0}), model_ids=models, rendering_dags=["sheet", "mispelt"])
    assert set(left(connection)) == set(models)


def test_the_dags_that_render_must_be_named() -> None:
    with pytest.raises((TypeError, AirflowException), match="rendering_dags"):
        DreamboothKeepNewestModelsOperator(task_id="keep", keep=2)  # type: ignore[call-arg]


class EventsOf:
    """Airflow's accessor, for one inlet; a dictionary would not do, since an alias of Airflow 3.0 is no key of one."""

    def __init__(self, inlet: Any, events: Any) -> None:
        self.inlet, self.events = inlet, events

    def __getitem__(self, inlet: Any) -> Any:
        assert inlet == self.inlet
        return self.events


def test_subjects_are_read_from_asset_events(
    models: list[str], connection: str, emulator: RunningEmulator
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
        task_id="keep", keep=1, rendering_dags=[], inlets=[alias], dreambooth_conn_id=connection
    )
    context: Any = {"ti": TaskInstance(), "inlet_events": EventsOf(alias, events)}
    assert operator.execute(context) == [models[0]]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"keep": 0, "model_ids": []}, "keep"),
        ({"keep": "many", "model_ids": []}, "keep"),
        ({"model_ids": "abc"}, "model_ids"),
        ({"model_ids": [], "rendering_dags": None}, "rendering_dags"),
        ({"model_ids": [], "rendering_dags": "sheet"}, "rendering_dags"),
        ({"model_ids": [], "report_only": "perhaps"}, "report_only"),
        ({}, "inlets"),
    ],
)
def test_what_makes_no_sense_is_refused(connection: str, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(DreamboothValidationError, match=why):
        keep(connection, **arguments)


@pytest.mark.parametrize("wrong", [-1, "1d", None, float("nan"), True, timedelta(seconds=-1)], ids=str)
def test_an_age_that_no_model_has_is_refused_when_the_dag_is_parsed(wrong: Any) -> None:
    with pytest.raises(DreamboothValidationError, match=r"^unused_for"):
        DreamboothKeepNewestModelsOperator(task_id="keep", keep=1, rendering_dags=[], unused_for=wrong)


@pytest.mark.parametrize("right", [0, 0.0, 3600, timedelta(0), timedelta(days=2)], ids=str)
def test_a_model_may_go_at_once_or_after_a_while(right: Any) -> None:
    DreamboothKeepNewestModelsOperator(task_id="keep", keep=1, rendering_dags=[], unused_for=right)


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
