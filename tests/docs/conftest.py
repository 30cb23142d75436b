# SPDX-License-Identifier: Apache-2.0
"""The documentation's samples run in this process, against an emulator in a thread of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator

#: What a page shows, and what a reader replaces by places and ids of their own.
EMULATOR_ADDRESS = "127.0.0.1:8765"
TRAINING_ID = "F5jvdzGnYi"


@pytest.fixture(scope="session")
def emulator() -> Iterator[RunningEmulator]:
    """An emulator whose trainings and images are ready at the first look."""
    with running_emulator(
        Options(port=0, quiet=True, duration=0.01, render=0, environment="production")
    ) as running:
        yield running


@pytest.fixture(scope="session")
def training_id(emulator: RunningEmulator) -> str:
    """A training that is there, for samples about one."""
    request = {
        "key": "a-key-for-samples",
        "instance_prompt": "photo of sks fox",
        "class_prompt": "photo of a fox",
        "images": [f"{emulator.url}/samples/fox/{number}.png" for number in range(1, 9)],
    }
    answer = requests.post(f"{emulator.url}/api/v3/fine_tune", json=request, timeout=30)
    return str(answer.json()["training_id"])


@pytest.fixture
def sample_home(
    emulator: RunningEmulator, airflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder that stands for the reader's machine and bucket, and a connection that leads to the emulator."""
    connection = {
        "conn_type": "dreambooth",
        "host": emulator.url,
        "password": "a-key-for-samples",
        "extra": {"environment": "production"},
    }
    for name in ("DREAMBOOTH_DEFAULT", "DREAMBOOTH_PRODUCTION"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(1, 9):
        image = requests.get(f"{emulator.url}/samples/fox/{number}.png", timeout=30).content
        (photographs / f"{number}.png").write_bytes(image)
    return tmp_path


@pytest.fixture
def at_home(sample_home: Path, emulator: RunningEmulator, training_id: str) -> Callable[[str], str]:
    """Put the addresses of this test into a sample's code."""

    places = {
        EMULATOR_ADDRESS: emulator.url.partition("://")[2],
        TRAINING_ID: training_id,
        "/data/": f"{sample_home}/",
        "/tmp/": f"{sample_home}/",
        "s3://my-bucket/": f"file://{sample_home}/",
        # Nothing leaves this machine.
        "https://hooks.example.com/": f"{emulator.url}/",
    }
    shown = re.compile("|".join(map(re.escape, places)))

    def replaced(code: str) -> str:
        return shown.sub(lambda match: places[match[0]], code)

    return replaced


@pytest.fixture
def new_dags(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """The DAGs that were made since the last call, whether or not a sample gives them a name."""
    # Airflow's own way to find the DAGs of a file.
    from airflow.sdk.definitions._internal.contextmanager import DagContext

    registered: set[tuple[Any, Any]] = set()
    monkeypatch.setattr(DagContext, "autoregistered_dags", registered)
    monkeypatch.setattr(DagContext, "current_autoregister_module_name", "builtins")

    def taken() -> list[Any]:
        made = sorted((dag for dag, _ in registered), key=lambda dag: str(dag.dag_id))
        registered.clear()
        return made

    return taken


@pytest.fixture
def run_dag(sample_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """``dag.test()`` for a DAG that is in no file: it is stored first, as a DAG processor would."""
    from airflow import settings
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    monkeypatch.setattr(settings, "DAGS_FOLDER", str(sample_home / "no-dags"))
    (sample_home / "no-dags").mkdir()
    DagBundlesManager().sync_bundles_to_db()  # type: ignore[no-untyped-call]

    def run(dag: Any) -> Any:
        for task in dag.tasks:
            # A sample that fails shall say so at once, not after its retries.
            if task.is_mapped:
                task.partial_kwargs["retries"] = 0
            else:
                task.retries = 0
        bag = DagBag(dag_folder=os.devnull)
        bag.bag_dag(dag)
        sync_bag_to_db(bag, "dags-folder", None)
        return dag.test()

    return run
