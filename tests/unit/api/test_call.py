# SPDX-License-Identifier: Apache-2.0
"""A call and an answer as values."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_dreambooth.api.call import Answer, ApiCall, Repeat


def test_a_call_may_be_repeated_unless_it_says_that_it_costs_money() -> None:
    call: ApiCall[str] = ApiCall(path="/api/v3/x", body={}, read=str, about="x")
    assert call.repeat is Repeat.FREELY
    assert call.fallback is None
    assert call.is_answer is None


def test_calls_and_answers_cannot_be_changed() -> None:
    call: ApiCall[str] = ApiCall(path="/api/v3/x", body={}, read=str, about="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        call.path = "/api/v3/y"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Answer(200, b"").status = 500  # type: ignore[misc]
