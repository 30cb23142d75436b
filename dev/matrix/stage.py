# SPDX-License-Identifier: Apache-2.0
"""One stage of tests on one version: pytest in that version's environment, and what it counted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.matrix.versions import PROJECT, WORKPLACE, MatrixVersion

#: What each stage runs. The emulator uses nothing of Airflow, so its own tests say nothing about a version.
TESTS: Mapping[str, tuple[str, ...]] = {
    "unit": ("tests/unit", "--ignore=tests/unit/emulator"),
    "dags": ("tests/dags",),
    "system": (
        "tests/system/test_examples.py",
        "tests/system/test_connection_form.py",
        "tests/system/test_connection_form_airflow2.py",
        "tests/system/test_waiting.py",
        "tests/system/test_below_airflow_3_3.py",
        "tests/system/test_training_pages.py",
        # Last: it looks at the logs of all that went before.
        "tests/system/test_deprecations.py",
    ),
}
#: Options of a stage. The examples and the real stack share one Airflow, and stay in one process.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "unit": ("--numprocesses=2", "--dist=loadscope", "--no-loadscope-reorder")
}
#: Seconds after which a stage is ended; generous, since machines are loaded.
PATIENCE = 1800.0


@dataclass(frozen=True)
class StageResult:
    """
    What became of a stage.

    :param passed: tests that passed.
    :param failed: tests that failed or could not start.
    :param skipped: tests that do not apply to this version.
    :param seconds: how long it took.
    :param problem: why there are no counts, empty when there are.
    :param day: when it ran, in UTC, such as ``2026-11-22``.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problem: str = ""
    day: str = ""

    @property
    def ok(self) -> bool:
        """Whether something was tested and nothing failed."""
        return not self.problem and self.failed == 0 and self.passed > 0

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        parts = [f"{self.passed} passed"]
        parts += [f"{self.failed} FAILED"] if self.failed else []
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return it for the results file."""
        return asdict(self)


def read_report(path: Path, seconds: float, code: int) -> StageResult:
    """
    Read pytest's JUnit report.

    :param path: the report; it may be missing.
    :param seconds: how long the stage took.
    :param code: pytest's exit code.
    """
    if not path.is_file():
        return StageResult(seconds=seconds, problem=f"no report, pytest ended with {code}")
    suites = list(ET.parse(path).getroot().iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    # Such as a deprecation warning, which no single test answers for.
    problem = f"pytest ended with {code}" if code not in (0, 1) or (code and not failed) else ""
    return StageResult(total - failed - skipped, failed, skipped, seconds, problem)


def run_stage(version: MatrixVersion, stage: str, log: Path) -> StageResult:
    """
    Run one stage and return what it counted.

    :param log: file for pytest's output.
    """
    return replace(_run(version, stage, log), day=f"{datetime.now(UTC):%Y-%m-%d}")


def _run(version: MatrixVersion, stage: str, log: Path) -> StageResult:
    report = WORKPLACE / f"{version.name}-{stage}.xml"
    report.unlink(missing_ok=True)
    command = [
        str(version.interpreter),
        "-m",
        "pytest",
        *TESTS[stage],
        *OPTIONS.get(stage, ()),
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
    ]
    # Programs of this environment come first: tests start some of them by name.
    path = os.pathsep.join([str(version.interpreter.parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "VIRTUAL_ENV": str(version.folder)}
    if stage != "system":
        # Further packages, such as a receiver of lineage, are tested with the newest Airflow alone: their absence
        # is no failure here, under CI either.
        environment.pop("CI", None)
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return StageResult(seconds=PATIENCE, problem=f"not done after {PATIENCE:.0f} s")
        finally:
            if process.poll() is None:
                _end(process)
    return read_report(report, round(time.monotonic() - began, 1), code)


def _end(process: subprocess.Popen[bytes]) -> None:
    # An interrupt lets the fixtures stop what they have started.
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
