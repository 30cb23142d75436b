# SPDX-License-Identifier: Apache-2.0
"""What the package imports is declared: nothing is there only because another package happens to bring it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from dev.release.build import PROJECT

PACKAGE = PROJECT / "airflow_provider_dreambooth"
#: Used only where another package that brings them is installed, and asked for only then.
OPTIONAL = {
    "attrs": "OpenLineage's facets are attrs classes",
    "flask_appbuilder": "the connection form of Airflow below 3.2",
    "flask_babel": "the connection form of Airflow below 3.2",
    "pillow_heif": "HEIC images, where it is installed",
    "openlineage": "lineage, where its provider is installed",
    "starlette": "the pages of the UI, which only an api-server of Airflow serves",
    "wtforms": "the connection form of Airflow below 3.2",
}


def imports(path: Path) -> Iterator[str]:
    """Return the top names of all modules that a file imports, inside functions as well."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    texts = list(project["dependencies"])
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    return {re.split(r"[<>=~\[; ]", text)[0].lower() for text in texts}


@pytest.mark.parametrize("part", ["provider", "emulator"])
def test_every_import_is_declared(part: str) -> None:
    files = [path for path in PACKAGE.rglob("*.py") if ("emulator" in path.parts) == (part == "emulator")]
    known = declared("emulator") if part == "emulator" else declared("images")
    ours = {"airflow_provider_dreambooth", *sys.stdlib_module_names}
    ours |= set(OPTIONAL) if part == "provider" else set()
    distributions = packages_distributions()
    # Airflow's core and its SDK are one release.
    known |= {"apache-airflow-core", "apache-airflow-task-sdk"}
    undeclared = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files
        for name in set(imports(path)) - ours
        if not known & {distribution.lower() for distribution in distributions.get(name, [name])}
    }
    assert undeclared == set()
