# SPDX-License-Identifier: Apache-2.0
"""The archives that users install, built from what is committed."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dev.matrix.versions import VERSIONS
from dev.release import check, dependencies
from dev.release.build import PROJECT, build, head, normalise
from tests.requirements import lacking, required_modules


@pytest.fixture(scope="module")
def commit() -> str:
    if not (PROJECT / ".git").exists() or shutil.which("git") is None:
        lacking("archives are made from a git repository: clone it, with git installed")
    required_modules("build", group="dev")
    return head()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, commit: str) -> list[Path]:
    return build(tmp_path_factory.mktemp("dist"), commit)


def test_two_builds_of_one_commit_are_the_same_bytes(built: list[Path], commit: str, tmp_path: Path) -> None:
    again = build(tmp_path, commit)
    assert [path.read_bytes() for path in built] == [path.read_bytes() for path in again]


def test_the_wheel_holds_the_package_its_metadata_licence_and_entry_points(
    built: list[Path], commit: str
) -> None:
    assert check.check_wheel(built[0], commit) == []


def test_the_source_archive_holds_what_it_takes_to_build(built: list[Path], commit: str) -> None:
    assert check.check_source(built[1], commit) == []


def test_a_stray_and_a_missing_file_are_noticed(built: list[Path], commit: str, tmp_path: Path) -> None:
    copy = tmp_path / built[0].name
    shutil.copy(built[0], copy)
    with zipfile.ZipFile(copy, "a") as wheel:
        wheel.writestr("tests/conftest.py", "")
        wheel.writestr(f"{check.PACKAGE}/notes.txt", "")
    problems = check.check_wheel(copy, commit)
    assert "tests/conftest.py is a stray file" in problems
    assert f"{check.PACKAGE}/notes.txt is a stray file" in problems
    with zipfile.ZipFile(copy) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith("runtime/compat.py")]
    assert check._missing_modules(names, commit) == [f"{check.PACKAGE}/runtime/compat.py is missing"]


def test_a_missing_entry_point_is_noticed() -> None:
    assert check.check_entry_points("[console_scripts]\ndreambooth-emulator = elsewhere:main\n") == [
        "entry point airflow.plugins: dreambooth is missing",
        "entry point apache_airflow_provider: provider_info is missing",
        "entry point console_scripts: dreambooth-emulator is missing",
    ]


def test_owner_and_time_of_a_source_file_do_not_matter(tmp_path: Path) -> None:
    archives = []
    for number in (1, 2):
        folder = tmp_path / str(number) / "thing"
        folder.mkdir(parents=True)
        (folder / "a.py").write_text("x = 1\n")
        subprocess.run(["touch", "-d", f"2020-01-0{number}", folder / "a.py"], check=True)
        archive = tmp_path / f"{number}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder, "thing")
        normalise(archive, 1_700_000_000)
        archives.append(archive.read_bytes())
    assert archives[0] == archives[1]


def test_the_lowest_row_of_the_matrix_is_what_the_metadata_allows() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    lowest = next(version for version in VERSIONS if version.lowest)
    pins = {Requirement(pin).name: str(Requirement(pin).specifier)[2:] for pin in lowest.pins}
    for text in project["dependencies"]:
        requirement = Requirement(text)
        floor = next(part.version for part in requirement.specifier if part.operator == ">=")
        assert pins[requirement.name].startswith(floor), text


def test_the_page_of_dependencies_is_up_to_date() -> None:
    stored = [line.split(" | ")[:3] for line in dependencies.PAGE.read_text().splitlines()]
    made = [line.split(" | ")[:3] for line in dependencies.page().splitlines()]
    assert stored == made, "run make dependencies"
