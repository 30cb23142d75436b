# SPDX-License-Identifier: Apache-2.0
"""
Every code sample in README.md, CONTRIBUTING.md and docs/ does what a reader would expect of it.

The Python samples of a page run one after the other in one namespace, as somebody would type them. Every DAG that they
make is run to its end against an emulator. Shell lines are held against the commands and options that exist; ``curl``
lines are sent.
"""

from __future__ import annotations

import configparser
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_dreambooth.emulator.server import RunningEmulator
from tests.docs import shell_line
from tests.docs.fences import Fence, fences, pages

SAMPLES = [fence for page in pages() for fence in fences(page)]
PYTHON_PAGES = sorted({fence.page for fence in SAMPLES if fence.language == "python"})
#: Few, so that "the documentation is tested" stays true.
MOST_EXEMPT = 6


def of(*languages: str) -> list[Any]:
    """Samples in these languages, as parameters with readable names."""
    return [
        pytest.param(fence, id=str(fence))
        for fence in SAMPLES
        if fence.language in languages and not fence.exempt
    ]


def test_every_sample_names_its_language() -> None:
    known = {"python", "shell", "console", "json", "ini", "yaml", "dockerfile", "text"}
    assert {str(fence): fence.language for fence in SAMPLES if fence.language not in known} == {}


def test_exempt_samples_are_few_and_say_why() -> None:
    exempt = {str(fence): fence.exempt for fence in SAMPLES if fence.exempt is not None}
    assert all(exempt.values()), exempt
    assert len(exempt) <= MOST_EXEMPT, exempt


@pytest.mark.dags
@pytest.mark.parametrize("page", PYTHON_PAGES)
def test_python_runs(
    page: str,
    at_home: Callable[[str], str],
    new_dags: Callable[[], list[Any]],
    run_dag: Callable[[Any], Any],
    tmp_path: Path,
) -> None:
    namespace: dict[str, Any] = {"__name__": "sample"}
    # A file, since Airflow wants the source of a decorated function; with the page's line numbers, for tracebacks.
    file = tmp_path / (page.replace("/", "_") + ".py")
    for fence in [fence for fence in SAMPLES if fence.page == page and fence.language == "python"]:
        if fence.exempt is not None:
            continue
        file.write_text("\n" * (fence.line - 1) + at_home(fence.code), encoding="utf-8")
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), namespace)
        for dag in new_dags():
            assert dag.tasks, f"{fence}: DAG {dag.dag_id} has no tasks"
            run = run_dag(dag)
            states = {task.task_id: task.state for task in run.get_task_instances()}
            assert run.state == "success", f"{fence}: DAG {dag.dag_id} ended {run.state}: {states}"


@pytest.mark.parametrize("fence", of("json"))
def test_json_parses(fence: Fence) -> None:
    try:
        json.loads(fence.code)
    except json.JSONDecodeError:
        # Several objects, one a line.
        for line in fence.code.splitlines():
            json.loads(line)


@pytest.mark.parametrize("fence", of("shell", "console"))
def test_shell_commands_exist(fence: Fence, at_home: Callable[[str], str], emulator: RunningEmulator) -> None:
    for line in shell_line.lines(at_home(fence.code)):
        shell_line.check(line, emulator.url)


@pytest.mark.parametrize("fence", of("ini"))
def test_airflow_options_exist(fence: Fence) -> None:
    from airflow.providers.common.compat.sdk import conf

    parser = configparser.ConfigParser()
    parser.read_string(fence.code)
    for section in parser.sections():
        if section == "dreambooth":
            # The provider's own section, which Airflow has no defaults for.
            assert parser.options(section) == ["ui"]
            continue
        for option in parser.options(section):
            assert conf.get(section, option, fallback=None) is not None, f"[{section}] {option}"


@pytest.mark.parametrize("fence", of("yaml"))
def test_yaml_parses(fence: Fence) -> None:
    assert yaml.safe_load(fence.code)
