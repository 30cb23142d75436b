"""
Airflow for tests: a home of its own, set before anything imports Airflow, and removed at the end.

Most tests need no database. Those that do ask for ``airflow_database``, which migrates once a session.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Folders of tests that share something costly, such as a real Airflow, in the order in which they begin when two
#: processes share the tests: the longest first.
SHARING = ("system/test_assets", "dags", "system", "secrets_backends", "docs", "storage", "packaging")

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="dreambooth-tests-"))
os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(AIRFLOW_HOME / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{AIRFLOW_HOME}/airflow.db",
    }
)
# A connection of the user's own must not decide what the tests do.
for _name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
    del os.environ[_name]
# Airflow puts a filter of its own before those in pyproject.toml, for every module whose name begins with "airflow". Were
# it first imported by a test, or while tests are collected, our own deprecations would pass there.
with warnings.catch_warnings():
    importlib.import_module("airflow.configuration")


def _group(item: pytest.Item) -> str:
    place = item.path.relative_to(Path(__file__).parent).with_suffix("").as_posix()
    return next((name for name in SHARING if place.startswith(name)), place)


# Before pytest-xdist reads the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep tests that share something in one process; what takes longest begins first."""
    if not hasattr(config, "workerinput"):
        return  # one process, or the one that hands the tests out
    ranks = {name: rank for rank, name in enumerate(SHARING)}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: ranks.get(_group(item), len(SHARING)))


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    """The home of this test session."""
    yield AIRFLOW_HOME
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_database(airflow_home: Path) -> Path:
    """A migrated metadata database for ``dag.test()``."""
    migrate = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], capture_output=True, text=True, check=False
    )
    assert migrate.returncode == 0, migrate.stdout + migrate.stderr
    return airflow_home / "airflow.db"
