# SPDX-License-Identifier: Apache-2.0
"""A task that runs in this process against a real emulator in a thread: fixtures to import into a conftest."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.runtime import variables as airflow_variables
from tests.unit.task_surroundings import MemoryStateStore, MemoryVariables, TaskInstance, context_of

KEY = "key-of-an-emulated-task"


class Crash(BaseException):
    """The worker is gone: nothing may catch it."""


class Tries:
    """One task instance over its tries: its state stays, the operator of each try is a new one."""

    def __init__(self, map_index: int = -1) -> None:
        self.store = MemoryStateStore()
        self.instance = TaskInstance(map_index=map_index)

    def run(self, operator: Any) -> Any:
        return operator.execute(context_of(self.instance, self.store))

    def clear(self) -> None:
        """What a user's clear changes."""
        self.instance.max_tries += 3

    def state(self, key: str) -> Any:
        return self.store.get(key)


class Requests:
    """What the emulator was asked for since this was made."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self._emulator = emulator
        self._before = self._counted()

    def _counted(self) -> dict[str, int]:
        answer = requests.get(f"{self._emulator.url}/emulator/requests", timeout=60).json()
        return dict(answer["by_endpoint"])

    def of(self, endpoint: str) -> int:
        return self._counted().get(endpoint, 0) - self._before.get(endpoint, 0)


@contextlib.contextmanager
def dies_at(where: Any, name: str, call: int = 1) -> Iterator[list[Any]]:
    """Let the worker die in one call of a function; gives the results of the calls before it.

    :param where: the module or class that has the function.
    :param name: the function.
    :param call: which call, from 1.
    """
    real = getattr(where, name)
    results: list[Any] = []

    def dying(*arguments: Any, **named: Any) -> Any:
        if len(results) + 1 == call:
            raise Crash
        results.append(real(*arguments, **named))
        return results[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(where, name, dying)
        with pytest.raises(Crash):
            yield results


def photo(width: int = 640, height: int = 480, *, tone: int = 0, kind: str = "PNG", **saved: Any) -> bytes:
    """Return an image with something in it.

    :param tone: makes it another one.
    """
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    image.paste((tone % 256, 60, 200 - tone % 200), (width // 4, height // 4, width // 2, height // 2))
    out = io.BytesIO()
    image.save(out, kind, **saved)
    return out.getvalue()


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    """An emulator that renders at once."""
    with running_emulator(Options(port=0, quiet=True, duration=2.0, render=0.0)) as running:
        yield running


@pytest.fixture
def connection(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a connection to it."""
    variables = MemoryVariables()
    monkeypatch.setattr(airflow_variables, "accessor", lambda: variables)
    document = {"conn_type": "dreambooth", "host": emulator.url, "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_EMULATED", json.dumps(document))
    return "emulated"


@pytest.fixture
def hook(connection: str) -> DreamboothHook:
    return DreamboothHook(connection)


@pytest.fixture
def asked(emulator: RunningEmulator) -> Requests:
    """What the emulator is asked for in this test."""
    return Requests(emulator)


@pytest.fixture
def album(tmp_path: Path) -> Callable[[int], Path]:
    """Make a folder of photographs."""

    def make(number: int) -> Path:
        folder = tmp_path / "album"
        folder.mkdir(exist_ok=True)
        for index in range(1, number + 1):
            (folder / f"{index}.png").write_bytes(photo(tone=20 * index))
        return folder

    return make
