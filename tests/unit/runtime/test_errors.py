# SPDX-License-Identifier: Apache-2.0
"""Each error as a DAG author catches it and as Airflow understands it, at once."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout

from airflow_provider_dreambooth import exceptions
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothTrainingFailedError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.runtime.errors import as_sensor_timeout, for_airflow, without_retry
from airflow_provider_dreambooth.service_task import ServiceTask
from airflow_provider_dreambooth.training.event import WaitEnded, error_of

CLASSES = [
    found
    for found in vars(exceptions).values()
    if isinstance(found, type) and issubclass(found, DreamboothError)
]
#: What Airflow may try again by itself.
RETRIED = {
    "DreamboothRateLimitError",
    "DreamboothTransientError",
    "DreamboothTrainingFailedError",
    "DreamboothTrainingTimeoutError",
}


@pytest.mark.parametrize("error_class", CLASSES)
def test_permanent_faults_end_the_task_and_passing_ones_are_retried(
    error_class: type[DreamboothError],
) -> None:
    error = for_airflow(error_class("words"))
    assert isinstance(error, error_class)
    assert isinstance(error, AirflowFailException) is (error_class.__name__ not in RETRIED)


def test_a_failure_of_the_inputs_is_not_retried() -> None:
    error = for_airflow(DreamboothTrainingFailedError("words", cause_is_permanent=True))
    assert isinstance(error, AirflowFailException)


@pytest.mark.parametrize("error_class", CLASSES)
def test_both_forms_keep_all_that_the_error_said(error_class: type[DreamboothError]) -> None:
    original = error_class("words", training_id="T1", raw="raw", http_status=418)
    original.__cause__ = ValueError("cause")
    for error, airflow_class in (
        (without_retry(original), AirflowFailException),
        (as_sensor_timeout(original), AirflowSensorTimeout),
    ):
        assert isinstance(error, error_class)
        assert isinstance(error, airflow_class)
        assert type(error).__name__ == error_class.__name__
        assert (str(error), error.training_id, error.raw, error.http_status) == ("words", "T1", "raw", 418)
        assert error.__cause__ is original.__cause__
        with pytest.raises(error_class):
            raise error


def test_an_error_in_the_right_form_stays_itself() -> None:
    once = without_retry(DreamboothAuthError("words"))
    assert without_retry(once) is once


@pytest.mark.parametrize(
    ("ended", "error_class", "permanent"),
    [
        (WaitEnded("failed", "T1", "words"), DreamboothTrainingFailedError, False),
        (WaitEnded("failed", "T1", "words", cause_is_permanent=True), DreamboothTrainingFailedError, True),
        (WaitEnded("cancelled", "T1", "words"), DreamboothTrainingFailedError, True),
        (WaitEnded("error", "T1", "words", error="DreamboothAuthError"), DreamboothAuthError, True),
        (
            WaitEnded("error", "T1", "words", error="DreamboothTransientError"),
            DreamboothTransientError,
            False,
        ),
        (WaitEnded("error", "T1", "words", error="Acceptance"), DreamboothError, True),
        (WaitEnded("error", "T1", "words", error="Any"), DreamboothError, True),
        (WaitEnded("error", "T1", "words"), DreamboothError, True),
    ],
)
def test_an_ended_wait_is_the_error_that_it_names(
    ended: WaitEnded, error_class: type[DreamboothError], permanent: bool
) -> None:
    error = error_of(ended)
    assert type(error) is error_class
    assert error.permanent is permanent
    assert (str(error), error.training_id) == ("words", "T1")


def raised(error: DreamboothError) -> DreamboothError:
    def where_it_went_wrong() -> None:
        raise error

    try:
        where_it_went_wrong()
    except DreamboothError as caught:
        return caught
    raise AssertionError


@pytest.mark.parametrize("convert", [lambda error: error, without_retry, as_sensor_timeout])
@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_can_be_pickled(error_class: type[DreamboothError], convert: Any) -> None:
    error = convert(error_class("words", training_id="T1", raw="raw", http_status=418))
    error.add("More words.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)


@pytest.mark.parametrize("error_class", CLASSES)
def test_an_error_keeps_its_traceback(error_class: type[DreamboothError]) -> None:
    for error in (
        without_retry(raised(error_class("words"))),
        as_sensor_timeout(raised(error_class("words"))),
    ):
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert frames[-1] == "where_it_went_wrong"


class Task(ServiceTask):
    dreambooth_conn_id = "any"


def test_a_task_raises_permanent_errors_for_airflow_and_keeps_the_place_where_they_arose() -> None:
    with pytest.raises(DreamboothAuthError) as caught, Task().errors_for_airflow():
        raise raised(DreamboothAuthError("words"))
    assert isinstance(caught.value, AirflowFailException)
    assert "where_it_went_wrong" in [entry.name for entry in caught.traceback]


def test_a_task_leaves_transient_errors_to_airflows_retry() -> None:
    error = DreamboothTransientError("words")
    with pytest.raises(DreamboothTransientError) as caught, Task().errors_for_airflow():
        raise error
    assert caught.value is error
