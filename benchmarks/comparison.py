# SPDX-License-Identifier: Apache-2.0
"""
What is compared, each in an environment of its own: a poll, thousands of waits, and the import into a DAG file.

Every measurement is a program of its own, so that nothing of one is warm for the next.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.status_server import FOLDER, ROOT, StatusServer

_PROGRAM = """
import sys, time
from airflow.sdk import BaseOperator
started, clock = time.process_time(), time.perf_counter()
__import__(sys.argv[1])
print(1000 * (time.process_time() - started), 1000 * (time.perf_counter() - clock))
"""


@dataclass(frozen=True)
class Competitor:
    """
    A released package to compare with.

    :param name: short name, used in tables.
    :param packages: what to install, pinned.
    :param operators: module of its operators, for the import cost.
    """

    name: str
    packages: tuple[str, ...]
    operators: str = ""

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return FOLDER / self.name / "bin" / "python"


def competitors() -> tuple[Competitor, ...]:
    """Return the packages compared with, on the same Airflow as this project's environment."""
    airflow = f"apache-airflow=={version('apache-airflow')}"
    return (
        Competitor(
            "dbt-cloud",
            (airflow, "apache-airflow-providers-dbt-cloud==4.11.1"),
            "airflow.providers.dbt.cloud.operators.dbt",
        ),
        Competitor(
            "anthropic",
            (airflow, "apache-airflow-providers-anthropic==1.2.0"),
            "airflow.providers.anthropic.operators.batch",
        ),
        Competitor("httpx", ("httpx==0.28.1",)),
    )


def prepare(competitor: Competitor) -> None:
    """Make a competitor's environment, unless it is there."""
    ready = FOLDER / competitor.name / ".ready"
    wanted = " ".join(competitor.packages)
    if ready.exists() and ready.read_text() == wanted:
        return
    uv = str(Path(sysconfig.get_path("scripts")) / "uv")
    print(f"  installing {wanted} ...", flush=True)
    folder = str(FOLDER / competitor.name)
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(competitor.python), *competitor.packages],
        check=True,
    )
    ready.write_text(wanted)


#: What waits, and the environment in which it does; none for this project's own.
WAITERS = {
    "aiohttp": "",
    "dreambooth": "",
    "httpx": "httpx",
    "dbt-cloud": "dbt-cloud",
    "anthropic": "anthropic",
}


def measure(server: StatusServer, kind: str, **options: float) -> dict[str, Any]:
    """
    Run one measurement in a process of its own and return its figures.

    :param server: what is asked.
    :param kind: one of :data:`WAITERS`.
    :param options: ``tasks``, ``interval``, ``settle``, ``seconds``.
    """
    environment = WAITERS[kind]
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
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
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


def poll_cost(server: StatusServer, rounds: int, **options: float) -> dict[str, list[Any]]:
    """Measure each waiter once a round, so that a noisy minute hits them all."""
    figures: dict[str, list[Any]] = {kind: [] for kind in WAITERS}
    for number in range(rounds):
        for kind in WAITERS:
            figures[kind].append(measure(server, kind, **options))
            last = figures[kind][-1]
            print(
                f"  round {number + 1}: {kind:11} {last['cpu_ms_a_poll']:6.2f} ms a poll, {last['polls']} polls, "
                f"{last['opened']} connections, {last['rss_mb']:.0f} MB, loop held {last['held_cpu_ms']:.0f} ms of CPU, "
                f"{last['held_ms']:.0f} by the clock",
                flush=True,
            )
    return figures


def import_cost(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """
    Return milliseconds of CPU and by the clock for each provider's operators module, one pair a round.

    The first import of each is not counted: it fills the cache of compiled modules.
    """
    subjects: dict[str, tuple[Path, str]] = {
        "dreambooth": (Path(sys.executable), "airflow_provider_dreambooth.operators.dreambooth")
    }
    for competitor in competitors():
        if competitor.operators:
            subjects[competitor.name] = (competitor.python, competitor.operators)
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
    with tempfile.TemporaryDirectory(prefix="dreambooth-bench-") as home:
        for number in range(rounds + 1):
            for name, (python, module) in subjects.items():
                done = subprocess.run(
                    [str(python), "-W", "ignore", "-c", _PROGRAM, module],
                    env={
                        "PATH": os.environ["PATH"],
                        "AIRFLOW_HOME": home,
                        "PYTHONPYCACHEPREFIX": str(FOLDER / "bytecode"),
                        "PYTHONPATH": str(ROOT) if name == "dreambooth" else "",
                    },
                    cwd=home,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                if number:
                    cpu, clock = (float(word) for word in done.stdout.strip().splitlines()[-1].split())
                    figures[name].append((cpu, clock))
    for name, pairs in figures.items():
        middle = [statistics.median(values) for values in zip(*pairs, strict=True)]
        print(f"  {name:11} {middle[0]:6.1f} ms of CPU, {middle[1]:6.1f} ms by the clock", flush=True)
    return figures
