# SPDX-License-Identifier: Apache-2.0
"""The matrix counts what pytest counted, and takes nothing for a success that was not run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dev.matrix import __main__ as command
from dev.matrix import environment, results
from dev.matrix.stage import StageResult, read_report
from dev.matrix.versions import STAGES, VERSIONS, MatrixVersion, chosen

REPORT = '<testsuites><testsuite tests="5" failures="{failures}" errors="0" skipped="1"/></testsuites>'
PAGE = f"# Compatibility\n\nBefore.\n\n{results.BEGIN}\nold\n{results.END}\n\nAfter.\n"


def test_a_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(failures=0))
    assert read_report(report, 2.0, 0) == StageResult(passed=4, skipped=1, seconds=2.0)
    report.write_text(REPORT.format(failures=2))
    failed = read_report(report, 2.0, 1)
    assert (failed.passed, failed.failed, failed.ok) == (2, 2, False)
    assert "2 FAILED" in str(failed)


@pytest.mark.parametrize("code", [0, 1, 2, 4, 5])
def test_a_missing_report_is_no_success(tmp_path: Path, code: int) -> None:
    assert not read_report(tmp_path / "none.xml", 2.0, code).ok


def test_a_run_that_ended_early_is_no_success(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(failures=0))
    assert not read_report(report, 2.0, 2).ok
    assert not read_report(report, 2.0, 1).ok


def test_nothing_but_skipped_tests_is_no_success() -> None:
    assert not StageResult(skipped=3).ok


def test_a_wrong_version_is_refused_with_those_there_are() -> None:
    assert [version.name for version in chosen(["3.3.2", "2.11.2"])] == ["3.3.2", "2.11.2"]
    assert chosen([]) == VERSIONS
    with pytest.raises(ValueError, match=r"No such version: 1\.10.*2\.11\.2"):
        chosen(["1.10"])


def test_every_row_has_its_constraints_with_its_own_airflow_and_no_more_than_names_and_versions() -> None:
    for version in VERSIONS:
        lines = version.constraints.read_text().splitlines()
        assert f"apache-airflow=={version.airflow}" in lines, version.name
        assert all("==" in line and "://" not in line for line in lines if line), version.name


def test_results_of_a_stage_replace_only_that_stage(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.keep("2.11.2", {"aiohttp": "3.9"}, {"unit": StageResult(5), "dags": StageResult(4)}, file)
    results.keep("2.11.2", {"aiohttp": "3.10"}, {"dags": StageResult(3, failed=1)}, file)
    entry = json.loads(file.read_text())["2.11.2"]
    assert entry["installed"] == {"aiohttp": "3.10"}
    assert (entry["stages"]["unit"]["passed"], entry["stages"]["dags"]["passed"]) == (5, 3)
    assert "3 passed, 1 FAILED" in results.terminal_table(results.load(file), ["2.11.2"])


def everything(**changes: StageResult) -> results.Results:
    installed = {
        "python": "3.11.7",
        "apache-airflow-providers-common-compat": "1.12.0",
        "aiohttp": "3.9.0",
    }
    return {
        version.name: {
            "installed": installed,
            "stages": {
                stage: changes.get(f"{version.name} {stage}", StageResult(7, day="2026-11-22")).to_json()
                for stage in version.stages
            },
        }
        for version in VERSIONS
    }


def test_the_page_gets_a_row_for_each_version_and_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "compatibility.md"
    page.write_text(PAGE)
    results.document(everything(), page)
    text = page.read_text()
    assert text.startswith("# Compatibility\n\nBefore.\n")
    assert text.endswith("After.\n")
    assert "old" not in text
    for version in VERSIONS:
        assert f"| {version.airflow}" in text
    assert text.count("| 3.11.7 | 1.12.0 | 3.9.0 | 7 passed | 7 passed |") == len(VERSIONS)


def test_a_row_is_as_old_as_its_oldest_stage(tmp_path: Path) -> None:
    page = tmp_path / "compatibility.md"
    page.write_text(PAGE)
    results.document(everything(**{"3.1.8 dags": StageResult(7, day="2026-10-01")}), page)
    assert page.read_text().count("| 2026-10-01 |") == 1


@pytest.mark.parametrize("result", [StageResult(3, failed=1), StageResult(problem="not done"), StageResult()])
def test_the_page_shows_no_version_that_failed(tmp_path: Path, result: StageResult) -> None:
    page = tmp_path / "compatibility.md"
    page.write_text(PAGE)
    with pytest.raises(ValueError, match=r"2\.11\.2, dags"):
        results.document(everything(**{"2.11.2 dags": result}), page)
    assert page.read_text() == PAGE


def test_the_stored_page_has_a_place_for_the_results() -> None:
    text = results.PAGE.read_text()
    assert text.index(results.BEGIN) < text.index(results.END)
    assert STAGES == ("unit", "dags", "system")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a run writes into its results."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(command, "WORKPLACE", tmp_path)
    monkeypatch.setattr(results, "keep", lambda name, facts, stages: found.update({name: stages}))
    monkeypatch.setattr(results, "load", dict)
    return found


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["matrix", "run", *arguments])
    return command.main()


def test_a_row_without_environment_has_failed_and_the_next_one_is_tried(
    kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(version: MatrixVersion) -> None:
        raise subprocess.CalledProcessError(1, ["uv"])

    monkeypatch.setattr(environment, "prepare", prepare)
    assert run(monkeypatch, "--versions", "3.0.6 2.11.2", "--stages", "unit") == 1
    assert list(kept) == ["3.0.6", "2.11.2"]
    assert not any(stages["unit"].ok for stages in kept.values())


@pytest.mark.parametrize(("minutes", "begun"), [("9", ["3.0.6", "2.11.2"]), ("0", []), ("-3", [])])
def test_no_row_is_begun_when_the_time_is_over(
    minutes: str,
    begun: list[str],
    kept: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran: list[str] = []

    def run_version(version: MatrixVersion, stages: list[str]) -> bool:
        ran.append(version.name)
        return True

    monkeypatch.setattr(command, "_run_version", run_version)
    assert run(monkeypatch, "--versions", "3.0.6 2.11.2", "--minutes", minutes) == 0
    assert ran == begun
    assert ("Left out for want of time: 3.0.6, 2.11.2" in capsys.readouterr().out) is (not begun)
