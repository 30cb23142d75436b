# SPDX-License-Identifier: Apache-2.0
"""A real S3 server on loopback, for the demo with object storage and for system tests."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dev.demo.component import Component
from dev.demo.ports import HOST, free_port

#: An address leads to the server through it: ``s3://object_storage@bucket/key``.
CONNECTION_ID = "object_storage"
#: The server takes any; Airflow's connection and this module need the same ones.
ACCESS_KEY, SECRET_KEY, REGION = "loopback", "loopback-secret", "us-east-1"


class ObjectStorage:
    """
    A running S3 server (moto's) that keeps everything in memory.

    :param folder: where its log goes.
    :param port: the port to take if it is free.
    """

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.port = free_port(port)
        self.url = f"http://{HOST}:{self.port}"
        self.component = Component(
            "object storage",
            [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)],
            os.environ | {"PYTHONUNBUFFERED": "1"},
            folder / "object-storage.log",
            folder,
        )
        self._client: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def client(self) -> Any:
        """A boto3 client of the server."""
        if self._client is None:
            import boto3
            from botocore.config import Config

            self._client = boto3.client(
                "s3",
                endpoint_url=self.url,
                aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key=SECRET_KEY,
                region_name=REGION,
                config=Config(proxies={}, connect_timeout=5, retries={"max_attempts": 0}),
            )
        return self._client

    def wait(self, timeout: float = 60.0) -> None:
        """Return as soon as it answers."""
        from botocore.exceptions import BotoCoreError

        deadline = time.monotonic() + timeout
        while True:
            self.component.check()
            try:
                self.client.list_buckets()
            except BotoCoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def variables(self) -> dict[str, str]:
        """Environment variables with Airflow's connection to the server."""
        connection = {
            "conn_type": "aws",
            "login": ACCESS_KEY,
            "password": SECRET_KEY,
            "extra": {"endpoint_url": self.url, "region_name": REGION},
        }
        return {f"AIRFLOW_CONN_{CONNECTION_ID.upper()}": json.dumps(connection)}

    def create_bucket(self, name: str) -> None:
        """Create a bucket."""
        self.client.create_bucket(Bucket=name)

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Store an object."""
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def get(self, bucket: str, key: str) -> bytes:
        """Return an object."""
        return bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of a bucket, sorted."""
        found = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return sorted(str(item["Key"]) for item in found)

    def stop(self) -> None:
        """End it."""
        self.component.stop()
