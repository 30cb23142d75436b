# SPDX-License-Identifier: Apache-2.0
"""
No deprecation warning of Airflow's comes from us, on any version of the matrix.

``filterwarnings`` in pyproject.toml makes an error of each that a line of ours brings about, in a test or while tests are
collected. Here is the proof that it does; ``tests/system/test_deprecations.py`` looks at the logs of a real Airflow.
"""

from __future__ import annotations

import types

import pytest

from tests.airflow_version import AIRFLOW


def run_as_ours(code: str) -> Warning | None:
    """Run code as if it stood in a module of ours, and return the warning that it was stopped by."""
    module = types.ModuleType("airflow_provider_dreambooth.operators.dreambooth")
    try:
        exec(code, module.__dict__)
    except Warning as warning:
        return warning
    return None


def warn(kind: str) -> str:
    return f"import warnings\nwarnings.warn('old', {kind}, stacklevel=1)"


def deprecated_by_airflow() -> str:
    """Something that the installed Airflow warns about."""
    if AIRFLOW.major < 3:
        return "from airflow.utils.dates import days_ago\ndays_ago(1)"
    if AIRFLOW.minor < 1:
        return "from airflow.datasets import Dataset"
    return "from airflow.models.baseoperator import chain"


WHILE_COLLECTED = run_as_ours("import airflow.configuration\n" + warn("DeprecationWarning"))


@pytest.mark.parametrize("kind", ["DeprecationWarning", "FutureWarning"])
def test_a_line_of_ours_that_is_deprecated_fails_a_test(kind: str) -> None:
    assert type(run_as_ours(warn(kind))).__name__ == kind


def test_it_fails_an_import_at_the_top_of_a_test_module_too() -> None:
    assert isinstance(WHILE_COLLECTED, DeprecationWarning)


def test_what_airflow_itself_calls_deprecated_does() -> None:
    warning = run_as_ours(deprecated_by_airflow())
    assert isinstance(warning, DeprecationWarning | FutureWarning)
    assert "deprecated" in str(warning)
