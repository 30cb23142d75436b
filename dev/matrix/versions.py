# SPDX-License-Identifier: Apache-2.0
"""Which Airflows are tested, and how their dependencies are found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
#: Where each version's environment and the results are kept.
WORKPLACE = PROJECT / ".matrix"
STAGES = ("unit", "dags", "system")
#: The oldest Python that the provider runs on, and what everything here runs on.
PYTHON = "3.11"
#: Extras of ours that the tests need.
EXTRAS = ("emulator", "images")


@dataclass(frozen=True)
class MatrixVersion:
    """
    One row of the matrix.

    :param name: how it is called in commands and tables.
    :param pins: exact versions to resolve with; Airflow's own is always among them.
    :param exclude_newer: day after which nothing is taken: later releases of Airflow's dependencies broke it.
    :param exclude_newer_package: packages with a day of their own.
    :param lowest: resolve our own dependencies to the lowest that ``pyproject.toml`` allows.
    :param newest: it is what everything else here runs on, and has the constraints of the whole repository.
    :param python: the Python that it runs on; those other than the first share the newest Airflow's constraints.
    :param stages: which tests it runs.
    """

    name: str
    pins: tuple[str, ...]
    exclude_newer: str | None = None
    exclude_newer_package: tuple[str, ...] = ()
    lowest: bool = False
    newest: bool = False
    python: str = PYTHON
    stages: tuple[str, ...] = ("unit", "dags")

    @property
    def airflow(self) -> str:
        """Airflow's version."""
        return next(pin for pin in self.pins if pin.startswith("apache-airflow==")).split("==")[1]

    @property
    def shares_constraints(self) -> bool:
        """Whether it installs from the constraints of the whole repository, which hold for every Python."""
        return self.newest or self.python != PYTHON

    @property
    def constraints(self) -> Path:
        """Its resolved dependencies, names and versions only."""
        if self.shares_constraints:
            return PROJECT / "dev/constraints.txt"
        return PROJECT / "dev" / "matrix" / "constraints" / f"{self.name}.txt"

    @property
    def groups(self) -> tuple[str, ...]:
        """Dependency groups that its tests need: the real stack of Airflow 2 runs on PostgreSQL."""
        return ("test", "postgresql") if "system" in self.stages else ("test",)

    @property
    def folder(self) -> Path:
        """Its environment."""
        return WORKPLACE / self.name

    @property
    def interpreter(self) -> Path:
        """The Python of its environment."""
        return self.folder / "bin" / "python"


#: Where our own lower bounds, which exclude known holes, are newer than the other dependencies of an old Airflow.
SECURE = tuple(f"{package}=2026-11-20" for package in ("aiohttp", "pillow", "requests", "urllib3", "yarl"))

VERSIONS: tuple[MatrixVersion, ...] = (
    # Everything as old as pyproject.toml allows; the pins are its lower bounds, which a test compares.
    MatrixVersion(
        "lowest",
        pins=(
            "apache-airflow==2.11.0",
            "apache-airflow-providers-common-compat==1.12.0",
            "aiohttp==3.13.4",
            "asgiref==3.5.0",
            "packaging==24.0",
            "pendulum==3.0.0",
            "requests==2.32.2",
            "urllib3==2.6.3",
            "yarl==1.17.0",
            # Airflow 2.11.0 does not know what came after; 2.11.2 refuses it by itself.
            "universal-pathlib<0.3",
        ),
        lowest=True,
    ),
    MatrixVersion("2.11.2", pins=("apache-airflow==2.11.2",), stages=STAGES),
    # With dependencies of today its Execution API answers a deferral with 422.
    MatrixVersion(
        "3.0.6",
        pins=("apache-airflow==3.0.6", "apache-airflow-providers-common-compat==1.12.0"),
        exclude_newer="2025-09-15",
        exclude_newer_package=("apache-airflow-providers-common-compat=2026-01-20", *SECURE),
    ),
    MatrixVersion("3.1.8", pins=("apache-airflow==3.1.8",), stages=STAGES),
    # With today's pydantic it cannot read a deferral.
    MatrixVersion(
        "3.2.2",
        pins=("apache-airflow==3.2.2",),
        exclude_newer="2026-06-15",
        exclude_newer_package=SECURE,
    ),
    MatrixVersion("3.3.2", pins=("apache-airflow==3.3.2",), newest=True, stages=STAGES),
    MatrixVersion("python-3.12", pins=("apache-airflow==3.3.2",), python="3.12"),
    MatrixVersion("python-3.13", pins=("apache-airflow==3.3.2",), python="3.13"),
)


def chosen(names: Collection[str]) -> tuple[MatrixVersion, ...]:
    """
    Return the rows of these names, in that order; all of them, oldest first, when no name is given.

    :raises ValueError: a name that is no row.
    """
    known = {version.name: version for version in VERSIONS}
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"No such version: {', '.join(unknown)}. There are: {', '.join(sorted(known))}")
    return tuple(known[name] for name in names) or VERSIONS
