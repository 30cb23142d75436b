# SPDX-License-Identifier: Apache-2.0
"""Ids as they come, and as they may stand in a path."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2.nativetypes import NativeEnvironment

from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier, identifier_in
from airflow_provider_dreambooth.exceptions import DreamboothValidationError


@pytest.mark.parametrize(
    ("value", "text"),
    [(12632768, "12632768"), (" F5jvdzGnYi ", "F5jvdzGnYi"), (0, "0")],
)
def test_numbers_and_texts_are_ids(value: Any, text: str) -> None:
    assert identifier(value) == text
    assert checked_identifier("training_id", value) == text


def test_a_float_of_the_service_is_an_id_and_one_of_a_template_is_refused() -> None:
    assert identifier(1.2e7) == "12000000"
    rendered = NativeEnvironment().from_string("{{ id }}").render(id="12e6")
    with pytest.raises(DreamboothValidationError, match="render_template_as_native_obj"):
        checked_identifier("training_id", rendered)


@pytest.mark.parametrize("value", [["T1", "T2"], ("T1",), []])
def test_the_output_of_a_mapped_task_is_refused_with_the_way_to_expand(value: Any) -> None:
    with pytest.raises(DreamboothValidationError, match=r"\.expand\(model_id=train\.output\)"):
        checked_identifier("model_id", value)


NAMES_NOTHING: list[Any] = [
    None,
    True,
    "",
    "  ",
    [],
    {},
    1.5,
    1e300,
    float("nan"),
    "a\x00b",
    "\ud800",
    "\u202eabc",
]
NAMES_NOTHING += ["null", "None", "undefined", ".", "..", "...", "x" * 201]


@pytest.mark.parametrize("value", NAMES_NOTHING)
def test_nothing_else_is_an_id(value: Any) -> None:
    assert identifier(value) is None


def test_a_number_or_text_of_any_length_is_read_without_an_error() -> None:
    assert identifier(10**5000) is None
    assert identifier("9" * 2_000_000) is None


@pytest.mark.parametrize("value", [None, "", "None", "null", ".", "..", True, "x" * 201, ["id"]])
def test_an_id_that_names_nothing_is_refused_with_the_fix(value: Any) -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        checked_identifier("training_id", value)
    assert str(caught.value).startswith("training_id is ")
    assert "training_id=train.output" in str(caught.value)
    assert "nothing was paid" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"training_id": "a", "model_id": "b"}, "a"),
        ({"training_id": None, "model_id": "b", "id": "c"}, "b"),
        ({"training_id": "..", "id": "c"}, None),
        ({"id": "6e0c"}, "6e0c"),
        ({"id": 6}, None),
        ({"id": "6"}, None),
        ({}, None),
    ],
)
def test_the_number_of_a_row_is_never_taken_for_the_id_of_a_training(
    document: Any, found: str | None
) -> None:
    assert identifier_in(document) == found
