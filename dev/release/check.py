# SPDX-License-Identifier: Apache-2.0
"""What must be in the archives, and what must not."""

from __future__ import annotations

import configparser
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

from packaging.metadata import Metadata

from dev.release.build import committed, committed_names

PACKAGE = "airflow_provider_dreambooth"
ENTRY_POINTS = {
    "airflow.plugins": {"dreambooth": f"{PACKAGE}.plugin.registration:plugin"},
    "apache_airflow_provider": {"provider_info": f"{PACKAGE}.provider_info:get_provider_info"},
    "console_scripts": {"dreambooth-emulator": f"{PACKAGE}.emulator.__main__:main"},
}
#: What the pages of Airflow's UI and of the emulator are made of lies beside their code.
ENDINGS = {".py", ".typed", ".html", ".css", ".js", ".svg"}
AROUND_THE_PACKAGE = {"LICENSE", "NOTICE", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"}


def check_wheel(wheel: Path, commit: str) -> list[str]:
    """
    Return what is wrong with a wheel.

    :param commit: what it was built from.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names if ".dist-info/" in name}
        empty = [name for name in names if name.endswith("py.typed") and archive.getinfo(name).file_size]
    information = next((name.split("/")[0] for name in contents), "")
    problems = [f"{name}: py.typed is to be empty" for name in empty]
    problems += _stray(names, allowed=information)
    problems += [
        f"{name} is missing"
        for name in (f"{PACKAGE}/py.typed", f"{information}/licenses/LICENSE")
        if name not in names
    ]
    problems += _missing_modules(names, commit)
    problems += check_metadata(contents.get(f"{information}/METADATA", b""), commit)
    problems += check_entry_points(contents.get(f"{information}/entry_points.txt", b"").decode())
    if contents.get(f"{information}/licenses/LICENSE") != committed(commit, "LICENSE"):
        problems.append("the licence in the wheel is not LICENSE")
    return problems


def check_source(source: Path, commit: str) -> list[str]:
    """
    Return what is wrong with a source archive.

    :param commit: what it was built from.
    """
    with tarfile.open(source) as archive:
        members = archive.getmembers()
        names = [member.name.partition("/")[2] for member in members if member.isfile()]
        metadata = next((member for member in members if member.name.count("/") == 1), None)
        found = next((member for member in members if member.name.endswith("/PKG-INFO")), metadata)
        content = archive.extractfile(found) if found is not None else None
        text = b"" if content is None else content.read()
    problems = [f"{member.name} is a link" for member in members if member.issym() or member.islnk()]
    problems += _stray([name for name in names if "/" in name], allowed=f"{PACKAGE}.egg-info")
    around = {name for name in names if "/" not in name}
    problems += [f"{name} is missing" for name in sorted(AROUND_THE_PACKAGE - around)]
    problems += [f"{name} is a stray file" for name in sorted(around - AROUND_THE_PACKAGE)]
    return problems + _missing_modules(names, commit) + check_metadata(text, commit)


def _stray(names: list[str], *, allowed: str) -> list[str]:
    return [
        f"{name} is a stray file"
        for name in names
        if not name.endswith("/")
        and PurePosixPath(name).parts[0] != allowed
        and not (PurePosixPath(name).parts[0] == PACKAGE and PurePosixPath(name).suffix in ENDINGS)
        and PurePosixPath(name).name != "py.typed"
    ]


def _missing_modules(names: list[str], commit: str) -> list[str]:
    modules = (name for name in committed_names(commit, PACKAGE) if PurePosixPath(name).suffix in ENDINGS)
    return [f"{module} is missing" for module in sorted(set(modules) - set(names))]


def check_metadata(text: bytes, commit: str) -> list[str]:
    """
    Return what is wrong with a distribution's metadata.

    :param text: ``METADATA`` or ``PKG-INFO``; read as strictly as package indexes do.
    :param commit: what it was made from.
    """
    try:
        metadata = Metadata.from_email(text)
    except ExceptionGroup as group:
        return [str(error) for error in group.exceptions]
    project = tomllib.loads(committed(commit, "pyproject.toml").decode())["project"]
    problems = []
    if metadata.license_expression != project["license"]:
        problems.append(f"licence {metadata.license_expression}")
    if metadata.description_content_type != "text/markdown":
        problems.append(f"description is {metadata.description_content_type}")
    if (metadata.description or "").strip() != committed(commit, "README.md").decode().strip():
        problems.append("the description is not README.md")
    wanted = {re.split(r"[<>=~\[ ]", dependency)[0] for dependency in project["dependencies"]}
    found = {requirement.name for requirement in metadata.requires_dist or [] if requirement.marker is None}
    if wanted != found:
        problems.append(f"requires {sorted(found)} instead of {sorted(wanted)}")
    if set(metadata.provides_extra or []) != set(project["optional-dependencies"]):
        problems.append(f"extras {sorted(metadata.provides_extra or [])}")
    return problems


def check_entry_points(text: str) -> list[str]:
    """Return what is missing of the entry points."""
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read_string(text)
    return [
        f"entry point {group}: {name} is missing"
        for group, entries in ENTRY_POINTS.items()
        for name, target in entries.items()
        if not parser.has_section(group) or parser.get(group, name, fallback="") != target
    ]
