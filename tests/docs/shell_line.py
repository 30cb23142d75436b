# SPDX-License-Identifier: Apache-2.0
"""What a shell line in the documentation may be: a command of this project or of Airflow that really exists."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec

import requests

from airflow_provider_dreambooth.connection import ConnectionSettings
from tests.docs.fences import ROOT

#: Commands of the system: nothing of ours to check.
_HARMLESS = {"cd", "mkdir", "cp", "ls", "cat", "git", "python3.11", "source", "kubectl", "helm"}
_VARIABLE = re.compile(r"(export\s+)?(AIRFLOW_\w+|AIRFLOW__\w+|DREAMBOOTH_\w+|[A-Z_]+)=(.*)", re.DOTALL)


def lines(code: str) -> Iterator[str]:
    """Yield the commands of a sample, continued lines joined, prompts and comments removed."""
    prompted = any(line.startswith("$ ") for line in code.splitlines())
    for line in code.replace("\\\n", " ").splitlines():
        if prompted and not line.startswith("$ "):
            continue  # what the command prints
        words = shlex.join(shlex.split(line.removeprefix("$ "), comments=True))
        if words:
            yield words


def check(line: str, emulator_url: str) -> None:
    """
    Check one command.

    :param line: the command, as :func:`lines` gives it.
    :param emulator_url: an emulator that ``curl`` lines may be sent to.
    """
    words = shlex.split(line)
    while words and (
        variable := _VARIABLE.fullmatch(" ".join(words[:2]) if words[0] == "export" else words[0])
    ):
        _check_variable(variable[2], variable[3])
        words = words[2:] if words[0] == "export" else words[1:]
    if not words or words[0] in _HARMLESS:
        return
    known = _CHECKS.get(words[0])
    assert known is not None, f"{words[0]} is no command that tests/docs/shell_line.py knows: {line}"
    known(words[1:], emulator_url)


def _check_variable(name: str, value: str) -> None:
    if not name.startswith("AIRFLOW_CONN_"):
        return
    from airflow.sdk import Connection

    read = Connection.from_json if value.startswith("{") else Connection.from_uri
    stored = read(value, conn_id=name.removeprefix("AIRFLOW_CONN_").lower())
    assert stored.conn_type == "dreambooth"
    ConnectionSettings.from_connection(stored)


def _make(words: list[str], _: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, is_variable, _value = word.partition("=")
        if is_variable:
            assert re.search(rf"^{name} \?=", makefile, re.MULTILINE), f"the Makefile has no variable {name}"
        else:
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), f"the Makefile has no target {name}"


def _pip(words: list[str], _: str) -> None:
    assert words[0] == "install", words
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words[1:]:
        ours = re.fullmatch(r"airflow-provider-dreambooth(?:\[([\w,-]+)\])?", word)
        if ours and ours[1]:
            unknown = set(ours[1].split(",")) - set(project["optional-dependencies"])
            assert not unknown, f"pyproject.toml has no extra {unknown}"
        elif not ours:
            assert re.match(r"-|apache-airflow|openlineage|\w", word), word


def _emulator(words: list[str], _: str) -> None:
    from airflow_provider_dreambooth.emulator.options import from_command_line

    from_command_line([word for word in words if word != "&"])


def _airflow(words: list[str], _: str) -> None:
    if words[0] == "celery" and find_spec("celery") is None:
        return  # a command of the Celery provider, which only the cluster installs
    _airflow_parser().parse_args(words)


@cache
def _airflow_parser() -> ArgumentParser:
    from airflow.cli.cli_parser import get_parser

    return get_parser()


def _python(words: list[str], url: str) -> None:
    if words[:2] == ["-m", "airflow_provider_dreambooth.emulator"]:
        _emulator(words[2:], url)
    else:
        assert (ROOT / words[0]).is_file() or words[0].startswith("-"), words


def _curl(words: list[str], url: str) -> None:
    method, body, target = "GET", None, ""
    rest = iter(words)
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word in ("-d", "--data"):
            method, body = "POST", next(rest)
        elif not word.startswith("-"):
            target = word
    if body is not None:
        json.loads(body)
    assert target.startswith(url), f"{target} does not lead to the emulator"
    answer = requests.request(method, target, data=body, timeout=30)
    assert answer.ok, f"{method} {target}: {answer.status_code} {answer.text}"


def _vault(words: list[str], _: str) -> None:
    from airflow.sdk import Connection

    assert words[:2] == ["kv", "put"], words
    fields = dict(word.split("=", 1) for word in words[3:])
    stored = Connection.from_json(json.dumps(fields), conn_id=words[2].rpartition("/")[2])
    assert stored.conn_type == "dreambooth"
    ConnectionSettings.from_connection(stored)


_CHECKS: dict[str, Callable[[list[str], str], None]] = {
    "make": _make,
    "pip": _pip,
    "dreambooth-emulator": _emulator,
    "airflow": _airflow,
    "python": _python,
    "curl": _curl,
    "vault": _vault,
}
