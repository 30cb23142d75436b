# SPDX-License-Identifier: Apache-2.0
"""Worlds in which trainings are paid."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.operators.paid_world import World, inhabited
from tests.unit.training.trial import known_world


@pytest.fixture
def world() -> Iterator[World]:
    with inhabited(known_world(), silent=True) as made:
        yield made


@pytest.fixture
def sandbox() -> Iterator[World]:
    with inhabited(World("sandbox"), silent=True) as made:
        yield made
