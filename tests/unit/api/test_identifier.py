"""Ids as they come, and as they may stand in a path."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier
from airflow_provider_dreambooth.exceptions import DreamboothValidationError


@pytest.mark.parametrize(
    ("value", "text"),
    [(12632768, "12632768"), (" F5jvdzGnYi ", "F5jvdzGnYi"), (0, "0"), (1.2e7, "12000000")],
)
def test_numbers_and_texts_are_ids(value: Any, text: str) -> None:
    assert identifier(value) == text
    assert checked_identifier("training_id", value) == text


@pytest.mark.parametrize("value", [None, True, "", "  ", [], {}, 1.5, float("nan"), "a\x00b", "\ud800"])
def test_nothing_else_is_an_id(value: Any) -> None:
    assert identifier(value) is None


@pytest.mark.parametrize("value", [None, "", "None", "null", ".", "..", True, "x" * 201, ["id"]])
def test_an_id_that_names_nothing_is_refused_with_the_mend(value: Any) -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        checked_identifier("training_id", value)
    assert str(caught.value).startswith("training_id is ")
    assert "training_id=train.output" in str(caught.value)
    assert "nothing was paid" in str(caught.value)
    assert len(str(caught.value)) < 300
