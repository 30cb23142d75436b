# SPDX-License-Identifier: Apache-2.0
"""The table at the end, and the results that it is made of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dev.demo.narrator import Narrator
from tests.chaos.point import Point
from tests.chaos.points import POINTS
from tests.chaos.run import Result
from tests.chaos.suite import chaos_stack, run_all
from tests.chaos.table import table

REPETITIONS = int(os.environ.get("CHAOS_REPETITIONS", "1"))
RESULTS = pytest.StashKey[list[Result]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each point and repetition."""
    if "place" in metafunc.fixturenames:
        places = [(point, number) for number in range(1, REPETITIONS + 1) for point in POINTS]
        metafunc.parametrize("place", places, ids=[f"{point.dag_id}-{number}" for point, number in places])


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[Point, int], Result]:
    """Every chosen point, run on one stack, by point and repetition."""
    chosen: list[tuple[Point, int]] = [
        item.callspec.params["place"]
        for item in request.session.items
        if hasattr(item, "callspec") and "place" in item.callspec.params
    ]
    folder: Path = tmp_path_factory.mktemp("chaos")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        narrator = Narrator()
        with chaos_stack(folder, narrator.say) as (stack, observer, flags):
            results = run_all(chosen, stack, observer, flags, narrator.say)
    request.config.stash.setdefault(RESULTS, []).extend(results)
    return {(result.point, result.repetition): result for result in results}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what became of every point."""
    results = config.stash.get(RESULTS, [])
    if results:
        terminalreporter.section("paid trainings")
        terminalreporter.write_line(table(results))
