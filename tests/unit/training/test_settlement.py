# SPDX-License-Identifier: Apache-2.0
"""Which rows of the account's list may be the lost training."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.api.results import Model
from airflow_provider_dreambooth.training.record import Record
from airflow_provider_dreambooth.training.settlement import Listing, is_older, is_other_prompt

#: 2026-05-04T09:12:31Z.
SENT_AT = 1_777_885_951.0
LOST = Record(
    "f",
    "here",
    SENT_AT,
    2,
    known_models=("old",),
    instance_prompt="photo of ohwx person",
    earlier=Record("g", "here", 1.0, 2, training_id="T0"),
)


def ids(*models: Model) -> tuple[str, ...]:
    return Listing(models=models, claimed=frozenset({"theirs"})).candidates(LOST).ids


def test_what_was_there_before_or_belongs_to_others_is_not_it() -> None:
    assert ids(Model("old"), Model("theirs"), Model("T0"), Model("new")) == ("new",)


def test_a_row_without_an_id_may_be_it() -> None:
    found = Listing(models=(Model(None), Model("new"))).candidates(LOST)
    assert (found.ids, found.without_id, found.only, found.none) == (("new",), 1, None, False)


def test_a_row_without_an_id_that_is_older_than_the_request_is_not_it() -> None:
    assert Listing(models=(Model(None, created_at="2026-05-03T09:12:31Z"),)).candidates(LOST).none


def test_a_row_of_another_prompt_is_not_it() -> None:
    rows = (
        Model("a", instance_prompt="photo of zwx fox"),
        Model("b", instance_prompt="photo of ohwx person"),
    )
    assert ids(*rows) == ("b",)


@pytest.mark.parametrize(
    ("created_at", "older"),
    [
        (None, False),
        ("", False),
        ("yesterday", False),
        ("2026-05-04T09:12:31.000000Z", False),
        # Two clocks are never the same.
        ("2026-05-04T09:05:00Z", False),
        ("2026-05-04T08:12:31Z", True),
        ("2026-05-04T10:12:31+02:00", True),
        # Without a time zone it may be any.
        ("2026-05-03 20:12:31", False),
        ("2026-05-03 09:12:31", True),
    ],
)
def test_only_a_row_that_is_certainly_older_is_ruled_out(created_at: str | None, older: bool) -> None:
    assert is_older(created_at, SENT_AT) is older


@pytest.mark.parametrize(
    ("listed", "other"),
    [
        (None, False),
        ("photo of ohwx person", False),
        # Trimmed, shortened or re-written by the service.
        (" Photo of  OHWX person. ", False),
        ("photo of oh", False),
        ("photo of zwx fox", True),
    ],
)
def test_only_a_prompt_that_is_certainly_another_one_rules_a_row_out(listed: str | None, other: bool) -> None:
    assert is_other_prompt(listed, "photo of ohwx person") is other


def test_without_a_prompt_of_its_own_nothing_is_ruled_out() -> None:
    assert not is_other_prompt("photo of zwx fox", None)
