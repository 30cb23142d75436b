# SPDX-License-Identifier: Apache-2.0
"""The order of the house: imports point downward, and no two files import each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import airflow_provider_dreambooth

NAME = "airflow_provider_dreambooth"
PACKAGE = Path(airflow_provider_dreambooth.__file__).parent
#: Folders and single files at the top, from the lowest. Each imports only from those before it, and from itself.
LAYERS = (
    ("exceptions",),
    ("api", "storage"),
    ("masking", "connection_fields"),
    ("runtime",),
    ("connection",),
    ("connection_form", "transport"),
    ("hooks",),
    ("images", "links", "assets"),
    ("training",),
    ("rendering",),
    ("triggers", "lineage"),
    ("service_task",),
    ("operators", "sensors"),
    ("plugin", "provider_info"),
    ("emulator",),
)
_FLOORS = {name: floor for floor, names in enumerate(LAYERS) for name in names}
MODULES = {
    ".".join((NAME, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imports(module: str) -> Iterator[str]:
    """Yield the modules of this package that one imports when it runs; those for type checking alone do not count."""
    tree = ast.parse(MODULES[module].read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            yield from found or {str(node.module)}


def place(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_folder_has_its_floor() -> None:
    assert {place(module) for module in MODULES} - {""} == set(_FLOORS)


def test_imports_point_downward() -> None:
    upward = {
        f"{module} imports {target}"
        for module in MODULES
        for target in imports(module)
        if place(module)
        and place(target)
        and place(module) != place(target)
        and _FLOORS[place(target)] >= _FLOORS[place(module)]
    }
    assert upward == set()


def test_the_provider_never_imports_the_emulator_nor_the_emulator_the_provider() -> None:
    across = {
        f"{module} imports {target}"
        for module in MODULES
        for target in imports(module)
        if (place(module) == "emulator") != (place(target) == "emulator") and place(target)
    }
    assert across == set()


def test_no_two_files_import_each_other() -> None:
    graph = {module: {target for target in imports(module) if target != module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from error


def late_imports(path: Path) -> list[str]:
    """Return the imports inside functions, but for those that may fail."""
    tree = ast.parse(path.read_text())
    optional = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
    return [
        ast.unparse(inner)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(function)
        if isinstance(inner, (ast.Import, ast.ImportFrom)) and id(inner) not in optional
    ]


def test_an_operator_imports_late_at_its_door_alone_and_a_flow_never() -> None:
    late = {module: late_imports(path) for module, path in MODULES.items()}
    doors = {module: found for module, found in late.items() if place(module) in ("operators", "sensors")}
    assert {module: found for module, found in doors.items() if len(found) > 1} == {}
    flows = {module: found for module, found in late.items() if place(module) in ("training", "rendering")}
    assert {module: found for module, found in flows.items() if found} == {}


def test_parsing_a_dag_loads_no_http_library_and_no_image_library() -> None:
    program = (
        "import sys\n"
        "from airflow.providers.common.compat.sdk import BaseOperator, BaseSensorOperator\n"
        "before = set(sys.modules)\n"
        f"import {NAME}.operators.dreambooth, {NAME}.sensors.dreambooth\n"
        "heavy = {'requests', 'urllib3', 'aiohttp', 'PIL', 'airflow.triggers.base'}\n"
        "print(sorted((set(sys.modules) - before) & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_sensor_imports_no_operator_and_operators_holds_only_operators() -> None:
    sensor = imports(f"{NAME}.sensors.dreambooth")
    assert "operators" not in {place(target) for target in sensor}
    for module, path in MODULES.items():
        if place(module) == "operators" and path.stem not in ("__init__", "dreambooth"):
            classes = [
                node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)
            ]
            assert classes, f"{module} holds no operator"
            assert all(name.endswith(("Operator", "Mixin")) for name in classes), f"{module}: {classes}"
