# SPDX-License-Identifier: Apache-2.0
"""Installing the wheel where nothing else is: without extras, and with each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from dev.release.build import PROJECT

_IMPORT = (
    "import importlib, sys\n"
    "from airflow_provider_dreambooth.provider_info import get_provider_info\n"
    "info = get_provider_info()\n"
    "for kind in ('hooks', 'operators', 'sensors', 'triggers'):\n"
    "    for entry in info[kind]:\n"
    "        for name in entry['python-modules']:\n"
    "            importlib.import_module(name)\n"
)


def users_extras() -> list[str]:
    """Return the extras that users install: all of them; what only we need is a dependency group."""
    return sorted(tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


def _run(command: list[str | Path], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command[:6]))} …\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def try_installation(wheel: Path, extra: str | None) -> None:
    """
    Install the wheel into an empty environment and check that Airflow knows the provider.

    :param wheel: the wheel.
    :param extra: one extra; ``None`` for none.
    :raises RuntimeError: it cannot be installed, imported, or found by Airflow.
    """
    with tempfile.TemporaryDirectory() as folder:
        home, uv = Path(folder), Path(sys.executable).with_name("uv")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        environment |= {"AIRFLOW_HOME": str(home / "airflow"), "COLUMNS": "300"}
        _run([uv, "venv", "--quiet", "--python", "3.11", home / "venv"], environment)
        python = home / "venv" / "bin" / "python"
        wanted = f"{wheel}[{extra}]" if extra else str(wheel)
        constraints = ("--constraint", PROJECT / "dev/constraints.txt")
        _run([uv, "pip", "install", "--quiet", "--python", python, *constraints, wanted], environment)
        _run([uv, "pip", "check", "--quiet", "--python", python], environment)
        _run([python, "-c", _IMPORT], environment)
        listed = _run([python, "-m", "airflow", "providers", "list", "--output", "plain"], environment)
        if "airflow-provider-dreambooth" not in listed:
            raise RuntimeError(f"airflow providers list does not show the provider:\n{listed}")
        if extra == "emulator":
            _run([home / "venv" / "bin" / "dreambooth-emulator", "--list-inventions"], environment)
