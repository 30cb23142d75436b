# SPDX-License-Identifier: Apache-2.0
"""The API layer stands on the standard library alone, so that a DAG file imports it at no cost."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import airflow_provider_dreambooth.api as api

HEAVY = ["airflow", "requests", "aiohttp", "httpx", "pydantic", "fastapi", "pendulum"]


def test_api_and_exceptions_import_neither_airflow_nor_an_http_library() -> None:
    modules = [f"{api.__name__}.{module.name}" for module in pkgutil.iter_modules(api.__path__)]
    assert len(modules) > 10
    program = (
        "import importlib, sys\n"
        f"for name in {['airflow_provider_dreambooth.exceptions', *modules]!r}: importlib.import_module(name)\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
