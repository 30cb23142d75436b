# SPDX-License-Identifier: Apache-2.0
"""When to poll next: by stage, elapsed time and ETA, without any state; and after errors."""

from __future__ import annotations

import random
from math import ceil, exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_dreambooth.api.log_text import Progress
from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import STAGES, outcome_of
from airflow_provider_dreambooth.training.schedule import LONGEST, SHORTEST, after_errors, next_poll

#: Seconds of each stage that make the documented announcements true, and what is announced at its begin.
LENGTHS = dict(zip(STAGES, (180, 900, 150, 150, 300, 150, 150), strict=False))
ETAS = {
    "training_started": 1800.0,
    "training_success": 900.0,
    "trained_model_uploading": 600.0,
    "trained_model_uploaded": 300.0,
}


def status(stage: str, eta: float | None = None) -> FineTuneStatus:
    return FineTuneStatus("F5jvdzGnYi", stage, outcome_of(stage), Progress(eta=eta))


def delay(stage: str, elapsed: float = 1800.0, eta: float | None = None) -> float:
    return next_poll(status(stage, eta), elapsed, 0.5)


def test_each_stage_is_polled_at_least_as_often_as_the_one_before() -> None:
    delays = [delay(stage) for stage in STAGES[:-1]]
    assert delays == sorted(delays, reverse=True)
    assert (delays[0], delays[-1]) == (500.0, 35.0)


def test_a_fast_training_is_polled_more_often_than_a_slow_one() -> None:
    assert (
        delay("training_success", 500.0)
        < delay("training_success", 1800.0)
        < delay("training_success", 7200.0)
    )


def test_half_of_the_eta_is_waited_at_most() -> None:
    assert delay("training_started", eta=120.0) == 60.0
    assert delay("training_started", eta=7200.0) == delay("training_started")


def test_a_stage_that_no_list_has_is_taken_for_the_training_itself() -> None:
    assert delay("queued_for_gpu") == delay("training_started")


@given(
    st.sampled_from([*STAGES[:-1], "queued_for_gpu"]),
    st.floats(),
    st.none() | st.floats(),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_no_announcement_and_no_clock_leads_out_of_the_bounds(
    stage: str, elapsed: float, eta: float | None, jitter: float
) -> None:
    assert SHORTEST <= next_poll(status(stage, eta), elapsed, jitter) <= LONGEST


def test_tasks_started_together_spread_out() -> None:
    generator = random.Random(1)
    delays = {next_poll(status("training_started"), 0.0, generator.random()) for _ in range(50)}
    assert max(delays) - min(delays) > 30.0


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.8])
def test_a_third_of_the_polls_of_60_seconds_and_at_most_25_seconds_late(sigma: float) -> None:
    """The benchmark tells the whole story; this keeps the promise on a small, fixed sample."""
    generator = random.Random(4)
    polls = fixed = 0
    late = 0.0
    for number in range(300):
        whole, begins, ready = exp(generator.gauss(0.0, sigma / 2**0.5)), {}, 0.0
        for stage, seconds in LENGTHS.items():
            begins[stage] = ready
            ready += seconds * whole * exp(generator.gauss(0.0, sigma / 2**0.5))
        wrong, now = (0.5, 1.0, 2.0)[number % 3], 0.0
        while now < ready:
            seen = [stage for stage, begin in begins.items() if begin <= now]
            announced = [ETAS[stage] * wrong for stage in seen if stage in ETAS]
            answer = status(seen[-1], announced[-1] if announced else None)
            now += next_poll(answer, now, generator.random())
            polls += 1
        fixed += ceil(ready / 60.0)
        late += now - ready
    assert polls / fixed < 0.35
    assert late / 300 < 25.0


def test_errors_in_a_row_are_followed_by_ever_longer_waits() -> None:
    assert [after_errors(count, 30.0, None, 0.0) for count in range(1, 7)] == [30, 60, 120, 240, 240, 240]
    assert [after_errors(count, 5.0, None, 0.0) for count in (1, 2, 3)] == [5.0, 10.0, 20.0]
    assert after_errors(10**9, 3600.0, None, 0.0) == 3600.0


def test_the_time_that_the_service_names_is_kept_up_to_ten_minutes() -> None:
    assert after_errors(1, 30.0, 90.0, 0.0) == 90.0
    assert after_errors(1, 1.0, 90.0, 0.0) == 90.0
    for absurd in (86400.0, 1e308, float("inf")):
        assert after_errors(1, 30.0, absurd, 0.0) == 600.0
    assert after_errors(1, 30.0, -5.0, 0.0) == 30.0


def test_waits_after_errors_are_spread() -> None:
    assert after_errors(1, 30.0, None, 1.0) == 37.5
