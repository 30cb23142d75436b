"""Cost of a status poll: this provider's trigger beside others', and beside bare loops of HTTP libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.environments import FOLDER, ROOT
from benchmarks.server import StatusServer

#: What is measured, and in which environment.
TRIGGERS = {"dreambooth": "", "dbt-cloud": "dbt-cloud", "anthropic": "anthropic"}
LIBRARIES = {"aiohttp": "libraries", "httpx": "libraries", "niquests": "libraries", "curl-cffi": "libraries"}


def measure(server: StatusServer, kind: str, **options: float) -> dict[str, Any]:
    """
    Run one measurement in a process of its own and return its figures.

    :param server: what is asked.
    :param kind: one of :data:`TRIGGERS` or :data:`LIBRARIES`.
    :param options: ``tasks``, ``interval``, ``seconds``.
    """
    environment = {**TRIGGERS, **LIBRARIES}[kind]
    python = str(FOLDER / environment / "bin" / "python") if environment else sys.executable
    command = [python, str(ROOT / "benchmarks" / "waiting.py"), kind, "--port", str(server.port)]
    command += ["--certificate", str(server.certificate)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    with tempfile.TemporaryDirectory(prefix="dreambooth-bench-") as home:
        done = subprocess.run(
            command,
            env={
                **{
                    name: text
                    for name, text in os.environ.items()
                    if not name.startswith(("AIRFLOW", "PYTHON"))
                },
                "PYTHONPYCACHEPREFIX": str(FOLDER / "bytecode"),
                "AIRFLOW_HOME": home,
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(Path(home) / "logs"),
                "PYTHONPATH": "" if environment else str(ROOT),
            },
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"measuring {kind} failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    figures["log_bytes"] = len(done.stdout) + len(done.stderr)
    return figures


def run(server: StatusServer, kinds: tuple[str, ...], rounds: int, **options: float) -> dict[str, list[Any]]:
    """Measure each kind once a round, so that a noisy minute hits them all."""
    figures: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in kinds:
            figures[kind].append(measure(server, kind, **options))
            last = figures[kind][-1]
            print(
                f"  round {number + 1}: {kind:11} {last['cpu_ms_a_poll']:6.2f} ms a poll, {last['polls']} polls, "
                f"{last['opened']} connections, {last['rss_mb']:.0f} MB, loop held {last['held_cpu_ms']:.0f} ms of CPU, "
                f"{last['held_ms']:.0f} by the clock",
                flush=True,
            )
    return figures
