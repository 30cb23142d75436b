# SPDX-License-Identifier: Apache-2.0
"""Operator and sensor tell of a ready model, against a real emulator."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, Asset, AssetAlias

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator
from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator
from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor
from tests.unit.task_surroundings import MemoryStateStore, MemoryVariables, TaskInstance

MODELS = AssetAlias("dreambooth-models")
FOX = Asset("dreambooth://stablediffusionapi.com/subjects/fox")


class OutletEvent:
    """What Airflow gives a task for one of its outlets."""

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}
        self.added: list[tuple[str, dict[str, Any]]] = []

    def add(self, asset: Any, extra: dict[str, Any]) -> None:
        self.added.append((asset.uri, extra))


class OutletEvents:
    """What Airflow gives a task; no dictionary, since an asset of Airflow 3.0 is no key of one."""

    def __init__(self) -> None:
        self._events: dict[str, OutletEvent] = defaultdict(OutletEvent)

    def __getitem__(self, outlet: Any) -> OutletEvent:
        return self._events[getattr(outlet, "uri", None) or outlet.name]

    def __len__(self) -> int:
        return len(self._events)


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator(Options(port=0, quiet=True, duration=0.05)) as running:
        yield running


@pytest.fixture(autouse=True)
def connection(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"conn_type": "dreambooth", "host": emulator.url, "password": "key-of-announcements"}
    monkeypatch.setenv("AIRFLOW_CONN_DREAMBOOTH_DEFAULT", json.dumps(document))
    variables = MemoryVariables()
    monkeypatch.setattr("airflow_provider_dreambooth.runtime.variables.accessor", lambda: variables)


def context(instance: TaskInstance, store: MemoryStateStore | None = None) -> Any:
    """The context of a task with outlets."""
    store = store or MemoryStateStore()
    return {"ti": instance, "task_state_store": store, "outlet_events": OutletEvents()}


def training(emulator: RunningEmulator, **arguments: Any) -> DreamboothFineTuneOperator:
    settings: dict[str, Any] = {"wait_for_completion": True, "poll_interval": 0.1, "deferrable": False}
    return DreamboothFineTuneOperator(
        task_id="train",
        instance_prompt="photo of sks fox",
        class_prompt="photo of a fox",
        images=[f"{emulator.url}/samples/fox/{number}.png" for number in range(1, 9)],
        parameters={"my_token": "another-secret"},
        **{**settings, **arguments},
    )


def test_an_alias_gets_an_asset_of_the_models_own(emulator: RunningEmulator) -> None:
    around = context(TaskInstance())
    training_id = training(emulator, outlets=[MODELS]).execute(around)
    ((uri, extra),) = around["outlet_events"][MODELS].added
    assert uri == f"{emulator.url.replace('http', 'dreambooth')}/{training_id}"
    assert extra["instance_prompt"] == "photo of sks fox"
    assert extra["seconds"] >= 0
    assert "secret" not in str(extra)
    assert "key-of-announcements" not in str(extra)


def test_an_asset_of_the_authors_gets_the_facts_beside_his_own(emulator: RunningEmulator) -> None:
    around = context(TaskInstance())
    around["outlet_events"][FOX].extra = {"mine": 1}
    training_id = training(emulator, outlets=[FOX]).execute(around)
    assert around["outlet_events"][FOX].extra["training_id"] == training_id
    assert around["outlet_events"][FOX].extra["mine"] == 1


def test_a_model_that_was_ready_before_took_no_time(emulator: RunningEmulator) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    training(emulator).execute(context(instance, store))
    instance.max_tries += 3  # what a user's clear does
    again = context(instance, store)
    training(emulator, outlets=[MODELS]).execute(again)
    ((_, extra),) = again["outlet_events"][MODELS].added
    assert "seconds" not in extra


def test_a_model_as_outlet_of_a_mere_start_is_refused_before_anything_is_paid(
    emulator: RunningEmulator,
) -> None:
    paid = len(emulator.service.trainings)
    with pytest.raises(DreamboothValidationError, match="wait_for_completion=True"):
        training(emulator, wait_for_completion=False, outlets=[FOX]).execute(context(TaskInstance()))
    assert len(emulator.service.trainings) == paid


def test_other_outlets_of_a_mere_start_are_the_authors_business(emulator: RunningEmulator) -> None:
    training(emulator, wait_for_completion=False, outlets=[Asset("s3://bucket/log"), MODELS]).execute(
        context(TaskInstance())
    )


class TestSensor:
    """The sensor knows an id alone."""

    def sensed(self, emulator: RunningEmulator, before: Any) -> tuple[str, dict[str, Any]]:
        started = TaskInstance()
        with DAG("sensing", schedule=None):
            train = training(emulator, wait_for_completion=False)
            training_id = train.execute(context(started))
            sensor = DreamboothFineTuneSensor(
                task_id="wait", training_id=training_id, deferrable=False, poke_interval=0.1, outlets=[MODELS]
            )
            train >> sensor
        instance = TaskInstance("wait")
        instance.upstream = {"training": before(started.xcoms["training"])}
        around = context(instance)
        sensor.execute(around)
        ((_, extra),) = around["outlet_events"][MODELS].added
        return training_id, extra

    def test_it_finds_the_prompts_at_the_task_before_it(self, emulator: RunningEmulator) -> None:
        training_id, extra = self.sensed(emulator, lambda facts: facts)
        assert extra["training_id"] == training_id
        assert extra["instance_prompt"] == "photo of sks fox"
        assert extra["seconds"] >= 0

    def test_it_finds_its_own_among_mapped_trainings(self, emulator: RunningEmulator) -> None:
        other = {"version": 1, "training_id": "another", "instance_prompt": "photo of sks robot"}
        _, extra = self.sensed(emulator, lambda facts: [other, facts])
        assert extra["instance_prompt"] == "photo of sks fox"

    def test_without_them_it_tells_of_the_model_all_the_same(self, emulator: RunningEmulator) -> None:
        training_id, extra = self.sensed(emulator, lambda facts: [None])
        assert extra["training_id"] == training_id
        assert extra["environment"] == "sandbox"
        assert "instance_prompt" not in extra


def test_a_task_without_outlets_asks_and_tells_nothing(emulator: RunningEmulator) -> None:
    around = context(TaskInstance())
    training_id = training(emulator).execute(around)
    assert not around["outlet_events"]
    assert DreamboothHook().fine_tune_status(training_id).stage == "model_ready"


def test_facts_hold_no_secret(emulator: RunningEmulator) -> None:
    instance = TaskInstance()
    training(emulator).execute(context(instance))
    assert "secret" not in str(instance.xcoms)
    assert "key-of-announcements" not in str(instance.xcoms)
