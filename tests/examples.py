# SPDX-License-Identifier: Apache-2.0
"""The example DAGs as the installed Airflow can read them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from dev.demo.stack import EXAMPLES as _EXAMPLES
from tests.airflow_version import AIRFLOW


def _for_airflow_2() -> Path:
    """Return a copy that imports what docs/compatibility.md tells people on Airflow 2.11 to import."""
    root = tempfile.mkdtemp(prefix="dreambooth-examples-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    folder = Path(root) / _EXAMPLES.name
    folder.mkdir()
    for path in _EXAMPLES.glob("*.py"):
        text = path.read_text().replace(
            "from airflow.sdk import", "from airflow.providers.common.compat.sdk import"
        )
        (folder / path.name).write_text(text)
    return folder


EXAMPLES = _EXAMPLES if AIRFLOW.major >= 3 else _for_airflow_2()
