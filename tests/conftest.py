# SPDX-License-Identifier: Apache-2.0
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
from typing import Any

import pytest

#: Folders of tests that share something costly, such as a real Airflow, in the order in which they begin when two
#: processes share the tests: the longest first.
SHARING = ("system/test_assets", "dags", "system", "docs", "storage", "packaging")

#: Characters of a value that still name a test.
LONGEST_ID = 100

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


def _group(nodeid: str) -> str:
    place = nodeid.partition("::")[0].removeprefix("tests/").removesuffix(".py")
    return next((name for name in SHARING if place.startswith(name)), place)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a file or a long answer by its argument: older pytest puts all of it, 64 MB of one image, into each report."""
    return argname if isinstance(val, str | bytes) and len(val) > LONGEST_ID else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; otherwise the order stays."""
    ranks = {name: rank for rank, name in enumerate(SHARING)}
    items.sort(key=lambda item: ranks.get(_group(item.nodeid), len(SHARING)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests that share something in one process. (The marks for that have no effect with pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return ByGroup(config, log)


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
