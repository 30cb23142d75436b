# SPDX-License-Identifier: Apache-2.0
"""A real S3 server on loopback, reached through Airflow's own connection."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulated_task import asked, connection, emulator, hook
from tests.requirements import required_modules

__all__ = ["asked", "connection", "emulator", "hook"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Base URL of the server."""
    required_modules("moto", "flask_cors", "s3fs", "airflow.providers.amazon", group="storage")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a new bucket, with its connection."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    document = {
        "conn_type": "aws",
        "login": "storage-tests",
        "password": "not-a-secret",
        "extra": {"endpoint_url": s3_server, "region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_STORAGE", json.dumps(document))
    # Nothing but the connection leads to the server.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    name = f"bucket-{next(_numbers)}"
    filesystem: Any = ObjectStoragePath(f"s3://storage@{name}/").fs
    filesystem.mkdir(name)
    return f"s3://storage@{name}"
