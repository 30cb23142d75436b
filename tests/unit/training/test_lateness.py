"""The mean lateness of a look, against plain simulation."""

from __future__ import annotations

import random
from math import exp, log

import pytest

from airflow_provider_dreambooth.training.lateness import Stretch, wait_for


@pytest.mark.parametrize(("passed", "wait"), [(0.0, 100.0), (0.0, 400.0), (200.0, 60.0), (900.0, 300.0)])
def test_lateness_is_the_mean_of_what_happens(passed: float, wait: float) -> None:
    generator = random.Random(3)
    left = [
        length - passed
        for length in (exp(generator.gauss(log(300.0), 0.7)) for _ in range(200_000))
        if length > passed
    ]
    mean = sum(max(0.0, wait - seconds) for seconds in left) / len(left)
    assert Stretch(300.0, 0.7, passed).lateness(wait) == pytest.approx(mean, rel=0.05, abs=0.1)


def test_a_stretch_far_beyond_all_expectation_can_end_at_any_moment() -> None:
    assert 0.0 < Stretch(10.0, 0.3, 1e6).lateness(60.0) < 60.0


def test_the_wait_is_as_late_as_allowed() -> None:
    stretch = Stretch(300.0, 0.7)
    wait = wait_for(stretch, None, 3.0, 1.0, 10_000.0)
    assert stretch.lateness(wait) == pytest.approx(3.0, rel=0.03)


def test_what_must_follow_makes_the_wait_longer() -> None:
    stretch = Stretch(300.0, 0.7)
    assert wait_for(stretch, Stretch(600.0, 0.7), 3.0, 1.0, 10_000.0) > 2 * wait_for(
        stretch, None, 3.0, 1.0, 10_000.0
    )


def test_the_wait_keeps_its_bounds() -> None:
    assert wait_for(Stretch(1.0, 0.7), None, 0.1, 30.0, 300.0) == 30.0
    assert wait_for(Stretch(1e6, 0.7), None, 3.0, 30.0, 300.0) == 300.0
