# SPDX-License-Identifier: Apache-2.0
"""``python -m dev.matrix``: run the matrix, renew its constraints, write its results into the documentation."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time

from dev.matrix import environment, results
from dev.matrix.stage import StageResult, run_stage
from dev.matrix.versions import STAGES, WORKPLACE, MatrixVersion, chosen

_ASK = """
import importlib.metadata, json, platform, sys
versions = {name: importlib.metadata.version(name) for name in sys.argv[1:]}
print(json.dumps({"python": platform.python_version()} | versions))
"""
_SHOWN = ("apache-airflow", "apache-airflow-providers-common-compat", "aiohttp", "pendulum", "requests")


def _installed(version: MatrixVersion) -> dict[str, str]:
    command = [str(version.interpreter), "-c", _ASK, *_SHOWN]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(answer.stdout))


def _run_version(version: MatrixVersion, stages: list[str]) -> bool:
    print(f"\n{version.name}: preparing {version.folder}", flush=True)
    try:
        environment.prepare(version)
    except subprocess.CalledProcessError:
        # uv has said why. The other rows are tested all the same.
        nothing = StageResult(problem="no environment")
        results.keep(version.name, {}, {stage: nothing for stage in version.stages if stage in stages})
        return False
    found: dict[str, StageResult] = {}
    for stage in version.stages:
        if stage in stages:
            log = WORKPLACE / f"{version.name}-{stage}.log"
            found[stage] = run_stage(version, stage, log)
            print(f"{version.name}: {stage}: {found[stage]} in {found[stage].seconds:.0f} s", flush=True)
            if not found[stage].ok:
                print("\n".join(log.read_text(errors="replace").splitlines()[-40:]), flush=True)
                print(f"{version.name}: the whole output is in {log}", flush=True)
    results.keep(version.name, _installed(version), found)
    return all(result.ok for result in found.values())


def main() -> int:
    """Do what the arguments say; 0 only if everything passed."""
    parser = argparse.ArgumentParser(prog="python -m dev.matrix", description=__doc__)
    parser.add_argument("command", choices=("run", "resolve", "document"))
    parser.add_argument("--versions", default="", help="names of rows, separated by blanks; default: all")
    parser.add_argument("--stages", default=" ".join(STAGES), help=f"of {', '.join(STAGES)}")
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="begin no further row after these; default: never stop",
    )
    options = parser.parse_args()
    try:
        versions = chosen(options.versions.split())
    except ValueError as error:
        parser.error(str(error))
    if options.command == "document":
        results.document(results.load())
        return 0
    WORKPLACE.mkdir(exist_ok=True)
    if options.command == "resolve":
        for version in versions:
            if version.shares_constraints:
                print(f"{version.name}: dev/constraints.txt, which make constraints renews")
            else:
                environment.resolve(version)
        return 0
    stages = options.stages.split()
    if unknown := sorted(set(stages) - set(STAGES)):
        parser.error(f"No such stage: {', '.join(unknown)}")
    end = time.monotonic() + 60 * options.minutes
    passed: dict[str, bool] = {}
    for version in versions:
        if time.monotonic() < end:
            passed[version.name] = _run_version(version, stages)
    table = results.terminal_table(results.load(), passed) if passed else "No time for any row."
    print(f"\n{table}\n\nAs JSON: {results.FILE}")
    if left_out := [version.name for version in versions if version.name not in passed]:
        print(f"Left out for want of time: {', '.join(left_out)}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
