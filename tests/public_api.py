# SPDX-License-Identifier: Apache-2.0
"""
What others may rely on, as plain values: names, arguments, defaults, XComs, events, commands, connection fields.

``make public-api`` writes it to ``tests/unit/public_api.json``; a test compares. Annotations are left out: Airflow's
differ between its versions.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import airflow_provider_dreambooth
from airflow_provider_dreambooth import connection, connection_fields, connection_form
from airflow_provider_dreambooth.provider_info import get_provider_info
from airflow_provider_dreambooth.rendering.polling import RenderingEnded
from airflow_provider_dreambooth.training.event import STATUSES, WaitEnded

PACKAGE = airflow_provider_dreambooth.__name__
FOLDER = Path(airflow_provider_dreambooth.__file__).parent
STORED = Path(__file__).parent / "unit" / "public_api.json"
#: Beside those that the provider's metadata names.
FURTHER_MODULES = ("assets", "exceptions", "links.dreambooth", "triggers.text_to_image", "triggers.turn")
_STARS: Mapping[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
#: Airflow's class attributes that decide about DAGs when we set them.
AIRFLOW_ATTRIBUTES = ("template_fields", "template_ext", "template_fields_renderers")


def public_modules() -> list[str]:
    """Return the modules that users import from."""
    info = get_provider_info()
    named = [
        name
        for kind in ("hooks", "operators", "sensors", "triggers")
        for entry in info[kind]
        for name in entry["python-modules"]
    ]
    return sorted({*named, *(f"{PACKAGE}.{name}" for name in FURTHER_MODULES)})


def _value(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return type(value).__name__


def arguments(function: Any) -> list[str]:
    """Return the arguments of a function as they are written, without types."""
    written = []
    signature = inspect.signature(function)
    star = False
    for name, argument in signature.parameters.items():
        if name in ("self", "cls"):
            continue
        if argument.kind is argument.KEYWORD_ONLY and not star:
            written.append("*")
            star = True
        prefix = _STARS.get(argument.kind, "")
        star = star or argument.kind is argument.VAR_POSITIONAL
        default = "" if argument.default is argument.empty else f"={json.dumps(_value(argument.default))}"
        written.append(f"{prefix}{name}{default}")
    return written


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith(PACKAGE):
            continue
        for name, value in vars(base).items():
            if name.startswith("_"):
                continue
            function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
            if inspect.isfunction(function):
                yield name, arguments(function)
            elif isinstance(value, property) or type(value).__name__ == "cached_property":
                yield name, "property"
            elif name in AIRFLOW_ATTRIBUTES or isinstance(value, (str, int, float, bool)):
                yield name, _value(value)


def describe_class(cls: type) -> dict[str, Any]:
    """Return what a class offers of its own."""
    described: dict[str, Any] = {"is a": [base.__name__ for base in cls.__bases__]}
    constructor = inspect.getattr_static(cls, "__init__")
    if constructor is not object.__init__:
        described["arguments"] = arguments(constructor)
    return described | {"members": dict(sorted(_members(cls)))}


def describe_module(name: str) -> dict[str, Any]:
    """Return the public names of a module."""
    module = importlib.import_module(name)
    names: Iterable[str] = getattr(module, "__all__", None) or (
        found
        for found, value in vars(module).items()
        if not found.startswith("_") and getattr(value, "__module__", None) == name
    )
    described: dict[str, Any] = {}
    for public in sorted(names):
        value = getattr(module, public)
        if inspect.isclass(value):
            described[public] = describe_class(value)
        else:
            described[public] = arguments(value) if callable(value) else _value(value)
    return described


def _constants(tree: ast.AST) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def pushed_xcoms() -> list[str]:
    """Return the key of every XCom that the code pushes, ``return_value`` aside."""
    trees = {path: ast.parse(path.read_text()) for path in FOLDER.rglob("*.py")}
    constants: dict[str, str] = {}
    for tree in trees.values():
        constants |= _constants(tree)
    keys = set()
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in ("xcom_push", "push_xcom"):
                continue
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            key = named.get("key") or node.args[1]
            if isinstance(key, ast.Constant):
                keys.add(str(key.value))
            elif isinstance(key, ast.Name) and key.id in constants:
                keys.add(constants[key.id])
            else:
                keys.add(f"{path.relative_to(FOLDER).as_posix()}: {ast.unparse(key)}")
    return sorted(keys)


def describe_command(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the options of a command with their defaults and choices."""
    described = {}
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        choices = "" if action.choices is None else f", one of {', '.join(map(str, action.choices))}"
        described[" ".join(action.option_strings)] = f"default {json.dumps(action.default)}{choices}"
    return described


def describe() -> dict[str, Any]:
    """Return everything that is public."""
    from airflow_provider_dreambooth.emulator.options import parser

    info = get_provider_info()
    return {
        "modules": {name: describe_module(name) for name in public_modules()},
        "xcoms": pushed_xcoms(),
        "trigger events": {
            "statuses": list(STATUSES),
            "training": sorted(WaitEnded.__dataclass_fields__),
            "rendering": sorted(RenderingEnded.__dataclass_fields__),
        },
        "connection": {
            "type": connection.CONNECTION_TYPE,
            "default id": connection.DEFAULT_CONNECTION_ID,
            "default host": connection_fields.DEFAULT_HOST,
            "extra": {
                name: {key: value for key, value in field["schema"].items() if key != "type"}
                for name, field in connection_form.conn_fields().items()
            },
        },
        "asset schemes": [scheme for entry in info["asset-uris"] for scheme in entry["schemes"]],
        "extra links": sorted(info["extra-links"]),
        "dreambooth-emulator": describe_command(parser()),
    }


def as_text(described: dict[str, Any]) -> str:
    """Return the description as it is stored."""
    return json.dumps(described, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    STORED.write_text(as_text(describe()))
    print(f"Written: {STORED}")
