# SPDX-License-Identifier: Apache-2.0
"""The form of a refusal and the checks that trainings and renderings share."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.refusal import (
    checked_extra_fields,
    refuse,
    shown,
    whole_number,
)
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothValidationError


def test_a_refusal_names_the_field_what_is_wrong_and_the_fix_and_says_that_nothing_was_paid() -> None:
    error = refuse("seed", "is -1", "Write a whole number from 0")
    assert str(error) == (
        "seed is -1. Write a whole number from 0. Nothing was sent to the service and nothing was paid."
    )
    assert error.acceptance is Acceptance.NO
    assert error.permanent


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 500)) == 120
    assert shown("x") == "'x'"
    assert shown(10**5000) == "a int too large to show"


@pytest.mark.parametrize("value", [2000, "2000", " 2000 ", 2000.0])
def test_a_whole_number_may_come_as_text(value: Any) -> None:
    assert whole_number("steps", value) == 2000


@pytest.mark.parametrize("value", [True, 2.5, "many", float("inf"), float("nan"), [], None, "9" * 5000])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(DreamboothValidationError, match=r"^steps is .* not a whole number"):
        whole_number("steps", value)


def test_further_fields_are_passed_as_they_are() -> None:
    fields = {"anything": [1, {"two": None}], "flag": True}
    assert checked_extra_fields(fields, ()) == fields
    assert checked_extra_fields(None, ()) == {}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([("a", 1)], "parameters is list, not a dictionary"),
        ({1: "a"}, "is not named by text"),
        ({"key": "secret"}, "connection's password field"),
        ({"seed": 1}, "Pass seed=... instead"),
        ({"when": object()}, "JSON cannot carry"),
        ({"rate": float("nan")}, "JSON cannot carry"),
    ],
)
def test_further_fields_that_cannot_be_meant_are_refused(fields: Any, told: str) -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        checked_extra_fields(fields, {"seed"})
    assert told in str(caught.value)
    assert str(caught.value).startswith("parameters")
    assert "nothing was paid" in str(caught.value)


def test_the_value_of_a_refused_field_is_not_shown() -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        checked_extra_fields({"key": "very-secret", "wandb_key": {"very-secret"}}, ())
    assert "very-secret" not in str(caught.value)
    with pytest.raises(DreamboothValidationError) as caught:
        checked_extra_fields({"wandb_key": {"very-secret"}}, ())
    assert "very-secret" not in str(caught.value)
