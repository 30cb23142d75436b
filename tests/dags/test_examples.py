# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from dev.demo.emulator import Emulator
from tests.airflow_version import AIRFLOW
from tests.dags.conftest import connection
from tests.examples import EXAMPLES

TRAININGS = {
    "train_wait_render": 1,
    "several_subjects": 3,
    "one_task_wait": 1,
    "train_weekly": 1,
    "folder_to_images": 1,
    "keep_newest_models": 0,
    "train_and_render_lora": 1,
}
IMAGES = {
    "train_wait_render": 2,
    "several_subjects": 3,
    "one_task_wait": 0,
    "train_weekly": 0,
    "folder_to_images": 2,
    "keep_newest_models": 0,
    "train_and_render_lora": 2,
}
# Started by an asset event, which dag.test() has none of: see tests/system/test_assets.py.
STARTED_BY_ASSETS = {"contact_sheet"}

# The sandbox has no LoRA.
IN_PRODUCTION = {"train_and_render_lora"}

pytestmark = pytest.mark.dags


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(TRAININGS) | STARTED_BY_ASSETS


# The name under which runpy runs a file.
@pytest.mark.filterwarnings("error::DeprecationWarning:<run_path>", "error::FutureWarning:<run_path>")
@pytest.mark.parametrize("dag_id", TRAININGS)
def test_it_runs_to_success(
    dag_id: str, connected: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dag_id == "keep_newest_models" and Version("3.0") <= AIRFLOW < Version("3.2"):
        pytest.skip("Airflow 3.0 and 3.1: to a worker a DAG that never had a run is an unknown one")
    if dag_id in IN_PRODUCTION:
        monkeypatch.setenv("AIRFLOW_CONN_DREAMBOOTH_DEFAULT", connection(emulator, "production"))
    before = {training["training_id"] for training in emulator.trainings()}
    dag: Any = runpy.run_path(str(EXAMPLES / f"{dag_id}.py"))["dag"]
    run = dag.test()
    assert run.state == "success"
    assert {task.state for task in run.get_task_instances()} == {"success"}
    started = {training["training_id"] for training in emulator.trainings()} - before
    assert len(started) == TRAININGS[dag_id]
    assert len(list(connected.rglob("*.png"))) == IMAGES[dag_id]


def test_they_load_without_a_deprecation_warning() -> None:
    program = (
        "import runpy, sys, warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    for path in sys.argv[1:]:\n"
        "        runpy.run_path(path)\n"
        "for warning in caught:\n"
        "    ours = warning.filename in sys.argv or '/airflow_provider_dreambooth/' in warning.filename\n"
        "    if ours and issubclass(warning.category, (DeprecationWarning, FutureWarning)):\n"
        "        print('OURS', warning.filename, warning.category.__name__, warning.message)\n"
    )
    paths = [str(path) for path in sorted(EXAMPLES.glob("*.py"))]
    loaded = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    # Airflow's own log goes to stdout, too.
    assert [line for line in loaded.stdout.splitlines() if line.startswith("OURS")] == []
