# SPDX-License-Identifier: Apache-2.0
"""A custom XCom backend, as installations have it that keep XComs in an object store; the points that want it use it."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

from airflow.sdk.bases.xcom import BaseXCom

from tests.chaos.points import POINTS

PREFIX = "file-of-the-backend:"
DAG_IDS = frozenset(point.dag_id for point in POINTS if point.custom_xcom_backend)


class FilesOfSomePoints(BaseXCom):
    """Keeps each value in a file, and the file's name alone in Airflow's database."""

    @staticmethod
    def serialize_value(value: Any, *, dag_id: str | None = None, **place: Any) -> str:
        """Write the value into a file, for a DAG whose point wants that."""
        if dag_id in DAG_IDS:
            file = Path(os.environ["CHAOS_FLAGS"]) / f"xcom-{uuid.uuid4().hex}.json"
            file.write_text(json.dumps(value))
            value = f"{PREFIX}{file}"
        return BaseXCom.serialize_value(value, dag_id=dag_id, **place)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Read the file again."""
        return read(BaseXCom.deserialize_value(result))


def read(value: Any) -> Any:
    """Return what a value of the database stands for."""
    if isinstance(value, str) and value.startswith(PREFIX):
        return json.loads(Path(value.removeprefix(PREFIX)).read_text())
    return value
