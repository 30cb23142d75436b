# SPDX-License-Identifier: Apache-2.0
"""What a DAG author can catch, and what an error carries."""

from __future__ import annotations

import pickle

import pytest

from airflow_provider_dreambooth import exceptions
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTrainingFailedError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
    DreamboothValidationError,
)

PERMANENT: list[type[DreamboothError]] = [
    DreamboothAuthError,
    DreamboothValidationError,
    DreamboothNotFoundError,
    DreamboothInsufficientCreditsError,
    DreamboothLostSubmissionError,
]
PASSING: list[type[DreamboothError]] = [
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothTrainingFailedError,
    DreamboothTrainingTimeoutError,
]


@pytest.mark.parametrize("error_class", PERMANENT)
def test_permanent_faults(error_class: type[DreamboothError]) -> None:
    assert error_class("x").permanent


@pytest.mark.parametrize("error_class", PASSING)
def test_passing_faults(error_class: type[DreamboothError]) -> None:
    assert not error_class("x").permanent


def test_the_lists_above_hold_every_error() -> None:
    found = {
        item
        for item in vars(exceptions).values()
        if isinstance(item, type) and issubclass(item, DreamboothError) and item is not DreamboothError
    }
    assert found == {*PERMANENT, *PASSING}


def test_a_failed_training_is_permanent_when_its_cause_is() -> None:
    assert DreamboothTrainingFailedError("x", cause_is_permanent=True).permanent
    assert not DreamboothTrainingFailedError("x", cause_is_permanent=False).permanent


def test_a_validation_error_is_a_value_error() -> None:
    assert issubclass(DreamboothValidationError, ValueError)


def test_only_a_lost_submission_leaves_acceptance_open_by_itself() -> None:
    assert DreamboothLostSubmissionError("x").acceptance is Acceptance.UNKNOWN
    assert DreamboothLostSubmissionError("x", acceptance=Acceptance.NO).acceptance is Acceptance.NO
    for error_class in (*PERMANENT[:-1], *PASSING):
        assert error_class("x").acceptance is Acceptance.NO


@pytest.mark.parametrize("error_class", [*PERMANENT, *PASSING])
def test_an_error_survives_the_way_between_processes(error_class: type[DreamboothError]) -> None:
    error = error_class(
        "x", training_id="F5jvdzGnYi", raw="raw", http_status=429, acceptance=Acceptance.UNKNOWN
    )
    error.add("More.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is error_class
    assert str(copy) == copy.message == "x More."
    assert vars(copy) == vars(error)


def test_a_pause_goes_along() -> None:
    assert DreamboothRateLimitError("x", retry_after=30).retry_after == 30
    assert DreamboothTransientError("x", retry_after=3).retry_after == 3
    assert DreamboothTransientError("x").retry_after is None
