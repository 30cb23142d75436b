# SPDX-License-Identifier: Apache-2.0
"""One cluster for all tests in this folder: starting it takes a minute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.redis_server import running_redis
from dev.demo.emulator import Emulator
from tests.cluster.stack import BreakableCluster
from tests.examples import EXAMPLES
from tests.postgresql import running_postgresql
from tests.requirements import present, required_modules

#: Recognisable, so that any copy of it is found.
API_KEY = "KeyThatMustNeverShow0123456789"
#: How many trainings are asked for at once, and the seconds that each takes, so that most of them wait together.
TRAININGS = int(os.environ.get("CLUSTER_TRAININGS") or "300")
DURATION = 60.0 + 1.0 * TRAININGS


@pytest.fixture(scope="session")
def api_key() -> str:
    """The key in the cluster's connection, and the only one that its emulator takes."""
    return API_KEY


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, api_key: str) -> Iterator[BreakableCluster]:
    """The cluster with the examples and the DAGs of this folder."""
    required_modules("celery", group="cluster")
    folder = tmp_path_factory.mktemp("cluster")
    with running_postgresql() as database_url, present(), running_redis(folder) as redis_url:
        emulator = Emulator(
            folder, duration=20, render=1, key=api_key, options=("--quiet", "--request-log", "500000")
        )
        with BreakableCluster(
            folder,
            emulator,
            database_url=database_url,
            redis_url=redis_url,
            dag_folders=[EXAMPLES, Path(__file__).parent / "dags"],
            api_key=api_key,
            environment="production",  # where lost answers can be settled
            variables={"CLUSTER_TRAININGS": str(TRAININGS), "CLUSTER_DURATION": str(DURATION)},
        ) as stack:
            yield stack
