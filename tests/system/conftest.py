"""One stack for all ordinary system tests: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.emulator import Emulator
from demo.stack import EXAMPLES
from tests.airflow_version import AIRFLOW
from tests.system.stack import SystemStack

#: Recognisable, so that any copy of it is found.
API_KEY = "KeyThatMustNeverShow0123456789"
TEST_DAGS = Path(__file__).parent / "dags"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def api_key() -> str:
    """The key in the stack's connection, and the only one that its emulator takes."""
    return API_KEY


def stack_class() -> type[SystemStack]:
    """The stack of the installed Airflow."""
    if AIRFLOW.major < 3:
        from tests.system.airflow2_stack import Airflow2Stack

        return Airflow2Stack
    return SystemStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, api_key: str) -> Iterator[SystemStack]:
    """A real Airflow with the examples, and the emulator with short trainings."""
    folder = tmp_path_factory.mktemp("stack")
    emulator = Emulator(folder, duration=12, render=1, key=api_key)
    with stack_class()(folder, emulator, dag_folders=[EXAMPLES], api_key=api_key) as running:
        yield running
