# SPDX-License-Identifier: Apache-2.0
"""Whether and when a call is repeated."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.transport.retry import ONCE, PAID, PATIENT, Retry, RetryPolicy, policy_for

PASSING = DreamboothTransientError("503", acceptance=Acceptance.UNKNOWN)
REFUSED = DreamboothTransientError("refused", acceptance=Acceptance.NO)


def retry(repeat: Repeat = Repeat.FREELY, policy: RetryPolicy = PATIENT, jitter: float = 1.0) -> Retry:
    return Retry(policy, repeat, 100.0, lambda: jitter)


def test_waits_grow() -> None:
    one = retry()
    assert [one.delay_after(PASSING, 100.0) for _ in range(4)] == [1.0, 2.0, 4.0, None]


def test_waits_are_spread() -> None:
    assert retry(jitter=0.0).delay_after(PASSING, 100.0) == 0.5


def test_no_try_begins_after_the_total() -> None:
    assert retry(policy=RetryPolicy(tries=9, total=10.0)).delay_after(PASSING, 109.5) is None


@pytest.mark.parametrize(
    "error", [DreamboothAuthError("key"), DreamboothNotFoundError("id"), DreamboothError("?")]
)
def test_a_permanent_error_is_not_repeated(error: DreamboothError) -> None:
    assert retry().delay_after(error, 100.0) is None


def test_a_paid_call_is_repeated_only_when_nothing_was_accepted() -> None:
    paid = Repeat.ONLY_IF_NOT_ACCEPTED
    assert retry(paid, PAID).delay_after(PASSING, 100.0) is None
    assert retry(paid, PAID).delay_after(REFUSED, 100.0) == 1.0


def test_never_before_the_time_that_the_service_names() -> None:
    error = DreamboothTransientError("503", retry_after=20.0)
    assert retry(jitter=0.0).delay_after(error, 100.0) == 20.0
    assert retry(jitter=1.0).delay_after(error, 100.0) == 22.0


def test_a_rate_limit_without_a_time_is_the_filter_of_30_seconds() -> None:
    assert retry(jitter=0.0).delay_after(DreamboothRateLimitError("limit"), 100.0) == 30.0


def test_a_time_beyond_the_total_is_left_to_the_caller() -> None:
    assert retry().delay_after(DreamboothRateLimitError("limit", retry_after=600.0), 100.0) is None


def test_a_time_of_days_counts_as_ten_minutes() -> None:
    patience = RetryPolicy(total=1000.0)
    error = DreamboothRateLimitError("limit", retry_after=86_400.0)
    assert retry(policy=patience, jitter=0.0).delay_after(error, 100.0) == 600.0


def test_once_is_once() -> None:
    assert retry(policy=ONCE).delay_after(PASSING, 100.0) is None


def test_a_paid_call_has_little_patience_by_default() -> None:
    assert policy_for(Repeat.ONLY_IF_NOT_ACCEPTED) is PAID
    assert policy_for(Repeat.FREELY) is PATIENT


def test_the_final_error_says_how_often_it_was_tried() -> None:
    one, error = retry(), DreamboothTransientError("No answer.")
    one.delay_after(error, 100.0)
    one.delay_after(error, 101.0)
    assert str(one.conclude(error, 107.0)) == "No answer. Tried 2 times in 7 s."
    assert error.message == str(error)


def test_one_try_is_not_worth_a_word() -> None:
    one, error = retry(policy=ONCE), DreamboothTransientError("No answer.")
    one.delay_after(error, 100.0)
    assert str(one.conclude(error, 100.0)) == "No answer."
