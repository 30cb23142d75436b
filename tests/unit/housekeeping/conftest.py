"""A real emulator whose trainings are ready at once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_provider_dreambooth.emulator.clock import ManualClock
from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from tests.unit.task_surroundings import MemoryVariables


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
def variables(monkeypatch: pytest.MonkeyPatch) -> MemoryVariables:
    kept = MemoryVariables()
    monkeypatch.setattr("airflow_provider_dreambooth.runtime.variables.accessor", lambda: kept)
    return kept


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
