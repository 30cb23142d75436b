"""What importing a provider's operators adds to a DAG file that imports Airflow's BaseOperator anyway."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.environments import FOLDER, ROOT, competitors

_PROGRAM = """
import sys, time
from airflow.sdk import BaseOperator
started, clock = time.process_time(), time.perf_counter()
__import__(sys.argv[1])
print(1000 * (time.process_time() - started), 1000 * (time.perf_counter() - clock))
"""


def run(rounds: int) -> dict[str, list[tuple[float, float]]]:
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
