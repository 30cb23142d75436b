# SPDX-License-Identifier: Apache-2.0
"""When waiting ends, whatever is restarted meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.training.deadline import (
    BACKSTOP_AFTER,
    LAST_POLL,
    backstop,
    check_poll_interval,
    check_timeout,
    deadline_of,
    first_poll_at,
    seconds_of,
    worth_deferring,
)


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(None, None), (5, 5.0), (0.5, 0.5), (timedelta(hours=2), 7200.0)]
)
def test_a_timeout_is_seconds_or_a_timedelta(timeout: Any, seconds: float | None) -> None:
    assert seconds_of(timeout) == seconds


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        timedelta(0),
        float("nan"),
        float("inf"),
        1e12,
        1e300,
        10**400,
        timedelta.max,
        True,
        "60",
        [],
        {},
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize(
    ("check", "name"), [(check_timeout, "timeout"), (check_poll_interval, "poll_interval")]
)
def test_a_span_that_nobody_can_keep_is_refused_by_name(check: Any, name: str, value: Any) -> None:
    with pytest.raises(DreamboothValidationError, match=name) as caught:
        check(value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("check", [check_timeout, check_poll_interval])
def test_none_means_no_limit_and_the_services_own_schedule_everywhere(check: Any) -> None:
    check(None)
    assert seconds_of(None) is None


def test_the_first_try_gets_the_whole_budget() -> None:
    assert deadline_of(None, timeout=100.0, now=1000.0, cleared=False) == 1100.0


def test_a_retry_inside_the_budget_gets_no_fresh_one() -> None:
    assert deadline_of(1100.0, timeout=100.0, now=1099.0, cleared=False) == 1100.0


@pytest.mark.parametrize("now", [1100.0, 1500.0])
def test_a_retry_after_the_deadline_waits_again(now: float) -> None:
    assert deadline_of(1100.0, timeout=100.0, now=now, cleared=False) == now + 100.0


def test_a_clear_waits_again() -> None:
    assert deadline_of(1100.0, timeout=100.0, now=1050.0, cleared=True) == 1150.0


def test_a_timeout_made_shorter_counts_at_once() -> None:
    assert deadline_of(9000.0, timeout=100.0, now=1000.0, cleared=False) == 1100.0


def test_without_a_timeout_there_is_no_deadline() -> None:
    assert deadline_of(1100.0, timeout=None, now=1000.0, cleared=False) is None


def test_airflows_own_timeout_comes_after_the_last_poll_and_never_overflows() -> None:
    assert backstop(None, 1000.0) is None
    assert backstop(1100.0, 1000.0) == timedelta(seconds=100.0 + BACKSTOP_AFTER)
    assert backstop(900.0, 1000.0) == timedelta(seconds=BACKSTOP_AFTER)
    assert backstop(1e300, 1000.0) is not None
    assert LAST_POLL < BACKSTOP_AFTER


def test_a_deferred_task_never_comes_back_at_once() -> None:
    assert first_poll_at(1.0, 1000.0) == 1008.0
    assert first_poll_at(300.0, 1000.0) == 1300.0


def test_a_short_interval_alone_does_not_hold_the_worker() -> None:
    assert worth_deferring(None, 2.0), "nobody knows how long it takes"
    assert worth_deferring(120.0, 2.0), "two minutes are announced"
    assert worth_deferring(5.0, 2.0, waited=25.0), "what was announced has passed"
    assert worth_deferring(5.0, 30.0), "the next poll is far away"
    assert not worth_deferring(5.0, 5.0), "it is over before the task is back"
