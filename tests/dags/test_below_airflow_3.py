# SPDX-License-Identifier: Apache-2.0
"""What a worker reads from the metadata database itself, below Airflow 3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.runtime.state_store import state_store
from tests.airflow_version import before_airflow

pytestmark = before_airflow("3.0", "workers read the metadata database")


def test_dags_with_runs_are_found(registered_examples: Path) -> None:
    dag_ids = ["one_task_wait", "train_weekly", "no_such_dag"]
    assert compat.dags_with_runs(None, dag_ids) == []
    command = [
        sys.executable,
        "-m",
        "airflow",
        "dags",
        "trigger",
        "train_weekly",
        "--run-id",
        "queued-by-hand",
    ]
    triggered = subprocess.run(command, capture_output=True, text=True, check=False)
    assert triggered.returncode == 0, triggered.stdout + triggered.stderr
    assert compat.dags_with_runs(None, dag_ids) == ["train_weekly"]


def test_ids_that_belong_to_no_dag_are_found(registered_examples: Path) -> None:
    assert compat.unknown_dags(None, ["one_task_wait", "no_such_dag"]) == ["no_such_dag"]


def test_variables_are_durable_at_once(airflow_database: Path) -> None:
    class Instance:
        dag_id, run_id, task_id, map_index = "portraits", "manual__1", "train", 2

    store = state_store({"ti": Instance()})
    store.set("dreambooth_training", {"training_id": "abc"})
    program = (
        "from airflow_provider_dreambooth.runtime.state_store import state_store\n"
        "from types import SimpleNamespace\n"
        "ti = SimpleNamespace(dag_id='portraits', run_id='manual__1', task_id='train', map_index=2)\n"
        "print(state_store({'ti': ti}).get('dreambooth_training'))\n"
    )
    read = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert read.stdout.strip().splitlines()[-1] == "{'training_id': 'abc'}"
    store.delete("dreambooth_training")
    assert state_store({"ti": Instance()}).get("dreambooth_training") is None
