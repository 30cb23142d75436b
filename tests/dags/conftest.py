# SPDX-License-Identifier: Apache-2.0
"""Examples run in this process with ``dag.test()``, against an emulator in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from dev.demo.emulator import Emulator
from tests.examples import EXAMPLES


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator whose trainings take seconds."""
    running = Emulator(tmp_path_factory.mktemp("emulator"), duration=4, render=0.5)
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def registered_examples(airflow_database: Path) -> Path:
    """
    A database that knows the examples.

    ``dag.test()`` stores a DAG only from 3.0 on, and then in the folder that Airflow had when it was imported.
    """
    environment = os.environ | {"AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES)}
    command = [sys.executable, "-m", "airflow", "dags", "reserialize"]
    stored = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert stored.returncode == 0, stored.stdout + stored.stderr
    return airflow_database


@pytest.fixture(scope="session")
def photographs(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs that have no public link."""
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(1, 9):
        answer = requests.get(f"{emulator.samples()}/fox/{number}.png", timeout=60)
        (folder / f"{number}.png").write_bytes(answer.content)
    return folder


def connection(emulator: Emulator, environment: str) -> str:
    """Return a connection to the emulator as JSON."""
    fields = {"conn_type": "dreambooth", "host": emulator.url, "password": "a-key-for-dag-tests"}
    return json.dumps({**fields, "extra": {"environment": environment}})


@pytest.fixture
def connected(
    emulator: Emulator,
    registered_examples: Path,
    photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The default connection leads to the emulator, and images go to the folder that this gives."""
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(EXAMPLES))
    monkeypatch.setenv("AIRFLOW_CONN_DREAMBOOTH_DEFAULT", connection(emulator, "sandbox"))
    monkeypatch.setenv("DREAMBOOTH_EXAMPLE_IMAGES", emulator.samples())
    monkeypatch.setenv("DREAMBOOTH_EXAMPLE_PHOTOGRAPHS", str(photographs))
    monkeypatch.setenv("DREAMBOOTH_EXAMPLE_OUTPUT", str(tmp_path))
    monkeypatch.setenv("DREAMBOOTH_EXAMPLE_POLL_INTERVAL", "1")
    return tmp_path
