# SPDX-License-Identifier: Apache-2.0
"""Results of all runs: a JSON file that a run adds to, a table for the terminal and one for the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dev.matrix.stage import StageResult
from dev.matrix.versions import PROJECT, STAGES, VERSIONS, WORKPLACE

FILE = WORKPLACE / "results.json"
PAGE = PROJECT / "docs" / "compatibility.md"
BEGIN = "<!-- Made by `python -m dev.matrix document` from the results of `make test-matrix`. -->"
END = "<!-- End of the results. -->"

Results = dict[str, dict[str, Any]]


def load(path: Path = FILE) -> Results:
    """Return what earlier runs found."""
    return json.loads(path.read_text()) if path.is_file() else {}


def keep(name: str, facts: Mapping[str, str], stages: Mapping[str, StageResult], path: Path = FILE) -> None:
    """
    Add the results of one version.

    :param facts: versions of what is installed.
    """
    results = load(path)
    entry = results.setdefault(name, {"stages": {}})
    entry["installed"] = dict(facts)
    entry["stages"] |= {stage: result.to_json() for stage, result in stages.items()}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


def _stage(entry: Mapping[str, Any], stage: str) -> StageResult | None:
    found = entry.get("stages", {}).get(stage)
    return None if found is None else StageResult(**found)


def rows(results: Results, names: Iterable[str]) -> list[list[str]]:
    """Return the cells of the table, a row a version; ``-`` where a stage did not run."""
    table = []
    for version in VERSIONS:
        if version.name in names:
            entry = results.get(version.name, {})
            cells = [str(_stage(entry, stage) or "-") for stage in STAGES]
            table.append([version.name, version.airflow, *cells])
    return table


def terminal_table(results: Results, names: Iterable[str]) -> str:
    """Return the table for people at a terminal."""
    table = [["row", "Airflow", *STAGES], *rows(results, names)]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def document(results: Results, page: Path = PAGE) -> None:
    """
    Put the results into the documentation.

    :raises ValueError: a version has no results, or something failed: the page shows what works.
    """
    lines = ["| Airflow | Python | common-compat | aiohttp | unit | `dag.test()` | real stack | tested on |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for version in VERSIONS:
        entry = results.get(version.name, {})
        cells = {}
        for stage in version.stages:
            result = _stage(entry, stage)
            if result is None or not result.ok:
                raise ValueError(
                    f"{version.name}, {stage}: {result or 'not run'}. Run make test-matrix first."
                )
            cells[stage] = result
        installed = entry["installed"]
        row = [
            f"{version.airflow}{' (lowest versions of everything)' if version.lowest else ''}",
            installed["python"],
            installed["apache-airflow-providers-common-compat"],
            installed["aiohttp"],
            *(str(cells.get(stage, "")) for stage in STAGES),
            # A claim is as old as its oldest part.
            min(result.day for result in cells.values()),
        ]
        lines.append(f"| {' | '.join(row)} |")
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]))
