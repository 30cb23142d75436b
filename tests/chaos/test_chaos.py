# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.point import Point
from tests.chaos.run import story


def test_the_promise_is_kept(place: tuple[Point, int], outcomes: Any) -> None:
    result = outcomes[place]
    if not result.kept:
        text = "\n  ".join([f"{place[0].name}:", *result.faults])
        pytest.fail(f"{text}\n{story(result.log)}", pytrace=False)
