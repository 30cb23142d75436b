"""When waiting ends, whatever is restarted meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_dreambooth.training.deadline import deadline_of, seconds_of


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(None, None), (5, 5.0), (0.5, 0.5), (timedelta(hours=2), 7200.0)]
)
def test_a_timeout_is_seconds_or_a_timedelta(timeout: Any, seconds: float | None) -> None:
    assert seconds_of(timeout) == seconds


@pytest.mark.parametrize("timeout", [0, -1, timedelta(0), float("nan"), float("inf"), 1e12])
def test_a_timeout_that_nobody_can_keep_is_refused(timeout: Any) -> None:
    with pytest.raises(ValueError, match="above 0"):
        seconds_of(timeout)


def test_the_first_try_gets_the_whole_budget() -> None:
    assert deadline_of(None, timeout=100.0, now=1000.0, cleared=False) == 1100.0


def test_a_retry_inside_the_budget_gets_no_fresh_one() -> None:
    assert deadline_of(1100.0, timeout=100.0, now=1099.0, cleared=False) == 1100.0


@pytest.mark.parametrize("now", [1100.0, 1500.0])
def test_a_retry_after_the_deadline_waits_anew(now: float) -> None:
    assert deadline_of(1100.0, timeout=100.0, now=now, cleared=False) == now + 100.0


def test_a_clear_waits_anew() -> None:
    assert deadline_of(1100.0, timeout=100.0, now=1050.0, cleared=True) == 1150.0


def test_a_timeout_made_shorter_counts_at_once() -> None:
    assert deadline_of(9000.0, timeout=100.0, now=1000.0, cleared=False) == 1100.0


def test_without_a_timeout_there_is_no_deadline() -> None:
    assert deadline_of(1100.0, timeout=None, now=1000.0, cleared=False) is None
