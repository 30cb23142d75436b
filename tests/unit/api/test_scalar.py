# SPDX-License-Identifier: Apache-2.0
"""Numbers and flags that may come as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_dreambooth.api.scalar import flag_in, is_absent, number_in


@pytest.mark.parametrize("value", [None, "", " ", "None", "null", "NULL"])
def test_what_a_template_without_a_value_leaves_stands_for_none(value: Any) -> None:
    assert is_absent(value)


@pytest.mark.parametrize("value", [0, False, "0", "nobody", []])
def test_other_values_do_not_stand_for_none(value: Any) -> None:
    assert not is_absent(value)


@pytest.mark.parametrize("value", [1.5, "1.5", " 1.5 ", "15e-1", Decimal("1.5")])
def test_a_number_may_come_as_text(value: Any) -> None:
    assert number_in(value) == 1.5


@pytest.mark.parametrize("value", [None, True, "", "many", "nan", float("inf"), "1e309", 10**400, [], {}])
def test_what_is_no_finite_number_is_none(value: Any) -> None:
    assert number_in(value) is None


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        ("Yes", True),
        (" on ", True),
        (1, True),
        (False, False),
        ("no", False),
        ("OFF", False),
        (0, False),
        ("perhaps", None),
        ("", None),
        (None, None),
        (2, None),
    ],
)
def test_a_flag_may_come_as_text(value: Any, flag: bool | None) -> None:
    assert flag_in(value) is flag
