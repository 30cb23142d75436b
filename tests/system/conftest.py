# SPDX-License-Identifier: Apache-2.0
"""One stack for all ordinary system tests: starting it takes longer than most of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.demo.airflow_settings import USER
from dev.demo.emulator import Emulator
from tests.airflow_version import AIRFLOW
from tests.examples import EXAMPLES
from tests.system.example_runs import run_examples
from tests.system.stack import SystemStack

#: Recognisable, so that any copy of it is found.
API_KEY = "KeyThatMustNeverShow0123456789"
TEST_DAGS = Path(__file__).parent / "dags"
#: Settings with which every component tells of each deprecation once; see ``test_deprecations.py``.
TELLING = {"PYTHONWARNINGS": "default::DeprecationWarning,default::FutureWarning"}
#: Who may read the DAG ``training_pages`` and no other.
READER = "reader"
FEW_DAGS = {
    "core.auth_manager": "auth_manager_by_dag.AuthManagerByDag",
    "core.simple_auth_manager_users": f"{USER}:admin,{READER}:viewer",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def api_key() -> str:
    """The key in the stack's connection, and the only one that its emulator takes."""
    return API_KEY


@contextlib.contextmanager
def running_stack(folder: Path, emulator: Emulator, **arguments: Any) -> Iterator[SystemStack]:
    """Run the stack of the installed Airflow."""
    if AIRFLOW.major >= 3:
        with SystemStack(folder, emulator, **arguments) as stack:
            yield stack
        return
    from tests.postgresql import running_postgresql
    from tests.system.airflow2_stack import Airflow2Stack

    # On SQLite, Airflow 2 runs one task at a time, and starts a new interpreter for each.
    with (
        running_postgresql() as database_url,
        Airflow2Stack(folder, emulator, database_url=database_url, **arguments) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, api_key: str) -> Iterator[SystemStack]:
    """A real Airflow with the examples, the emulator with short trainings, and a user who may read few DAGs."""
    folder = tmp_path_factory.mktemp("stack")
    # Longer than Airflow 2 takes from one task to the next, so that there is something left to wait for.
    emulator = Emulator(folder, duration=12 if AIRFLOW.major >= 3 else 45, render=1, key=api_key)
    with running_stack(
        folder,
        emulator,
        dag_folders=[EXAMPLES, TEST_DAGS],
        api_key=api_key,
        config={"core.plugins_folder": str(TEST_DAGS.with_name("plugins"))}
        | (FEW_DAGS if AIRFLOW.major >= 3 else {}),
        variables=TELLING | {"PYTHONPATH": str(TEST_DAGS.with_name("auth_managers"))},
    ) as running:
        yield running


@pytest.fixture(scope="session")
def paid(stack: SystemStack) -> set[str]:
    """Trainings that one run of each example started; all runs have ended."""
    return run_examples(stack)


@pytest.fixture(scope="session")
def finished(stack: SystemStack, paid: set[str]) -> SystemStack:
    """The stack after those runs."""
    return stack
