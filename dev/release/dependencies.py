# SPDX-License-Identifier: Apache-2.0
"""The table of what the provider needs, made from ``pyproject.toml`` and what is installed."""

from __future__ import annotations

import tomllib
from importlib.metadata import metadata

from packaging.requirements import Requirement

from dev.release.build import PROJECT
from dev.release.installation import users_extras

PAGE = PROJECT / "docs" / "dependencies.md"
#: Why each is there; a dependency without a reason is refused.
REASONS = {
    "aiohttp": "status calls of all waiting tasks in the triggerer, over one client",
    "apache-airflow": "what it is a provider for",
    "apache-airflow-providers-common-compat": "one import path for Airflow 2.11 to 3.3",
    "asgiref": "connections in the triggerer of Airflow 3.0 and older; Airflow brings it",
    "fastapi": "the emulator's HTTP interface",
    "packaging": "which Airflow this is; Airflow brings it",
    "pendulum": "times; Airflow brings it",
    "pillow": "images: the emulator draws them, `images` shrinks them before an upload",
    "requests": "calls on a worker; Airflow brings it",
    "starlette": "the emulator's answers; FastAPI brings it",
    "urllib3": "links are fetched from checked addresses only; requests brings it",
    "yarl": "addresses for aiohttp, which brings it",
    "uvicorn": "the emulator's server",
}


def _licence(name: str) -> str:
    found = metadata(name)
    for field in ("License-Expression", "Classifier", "License"):
        for line in found.get_all(field) or []:
            if field != "Classifier":
                return str(line).splitlines()[0]
            if str(line).startswith("License :: OSI Approved :: "):
                return str(line).rpartition(" :: ")[2]
    return "not stated"


def _row(text: str, extra: str) -> str:
    requirement = Requirement(text)
    name = requirement.name.lower()
    if name not in REASONS:
        raise ValueError(
            f"{name} is a dependency without a reason: add it to REASONS in dev/release/dependencies.py"
        )
    return f"| {name} | {requirement.specifier} | {extra} | {_licence(name)} | {REASONS[name]} |"


def page() -> str:
    """Return the page for the documentation."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    rows = [_row(text, "") for text in project["dependencies"]]
    for extra in users_extras():
        texts = project["optional-dependencies"][extra]
        rows += [_row(text, f"`{extra}`") for text in texts if not text.startswith(project["name"])]
    return "\n".join(
        [
            "# Dependencies",
            "",
            "<!-- Made by `make dependencies` from pyproject.toml and the installed packages. -->",
            "",
            "What the wheel asks for, lowest allowed version included. Every row of the version matrix installs these;",
            "its row *lowest* installs exactly the lowest versions ([compatibility](compatibility.md)).",
            "",
            "| package | versions | extra | licence | for |",
            "|---|---|---|---|---|",
            *sorted(rows),
            "",
            "The versions that the tests run with are in `dev/constraints.txt` and `dev/matrix/constraints/`.",
            "`make audit` asks an advisory service about all of them. It needs access to it and says so when it has none;",
            "it is therefore no part of the ordinary checks, and `dev/release/publish` runs it before a release.",
            "",
        ]
    )
