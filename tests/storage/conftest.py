"""A real S3 server on loopback, reached through Airflow's own connection."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulated_task import asked, connection, emulator, hook

__all__ = ["asked", "connection", "emulator", "hook"]

PARTS = {"moto": "moto[s3]", "flask_cors": "flask-cors", "s3fs": "s3fs"}
_numbers = itertools.count(1)
MEND = "the parts for a local S3 server are missing; get them with: pip install '.[storage-test]'"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Base URL of the server."""
    present = all(importlib.util.find_spec(part) for part in PARTS)
    if not present or not importlib.util.find_spec("airflow.providers.amazon"):
        if os.environ.get("CI") == "true":
            pytest.fail(MEND)
        pytest.skip(MEND)
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
