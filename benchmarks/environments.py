"""Where each measurement runs: this project's own environment, and one for every competitor, made with uv."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "bench"


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
        Competitor(
            "libraries", (f"aiohttp=={version('aiohttp')}", "httpx==0.28.1", "niquests>=3", "curl_cffi>=0.7")
        ),
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
