# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow_provider_dreambooth.assets import ReadyModel, ready_models

MODEL = ReadyModel(
    training_id="F5jvdzGnYi",
    host="stablediffusionapi.com",
    environment="production",
    method="dreambooth",
    instance_prompt="photo of sks fox",
    class_prompt="photo of a fox",
    base_model_id="portraitplus-diffusion",
    seconds=1800.5,
    ready_at="2026-11-21T10:00:00+00:00",
)


def event(training_id: str, minute: int | None, **extra: Any) -> Any:
    """An asset event as Airflow gives it to a task."""
    timestamp = None if minute is None else datetime(2026, 11, 21, 10, minute, tzinfo=UTC)
    extra = {"training_id": training_id, "host": "h", "environment": "sandbox", **extra}
    return SimpleNamespace(extra=extra, timestamp=timestamp)


def test_it_survives_the_way_through_an_event() -> None:
    assert ReadyModel.from_extra(json.loads(json.dumps(MODEL.to_extra()))) == MODEL


def test_what_is_not_known_is_left_out() -> None:
    model = ReadyModel(training_id="a", host="h", environment="sandbox")
    assert model.to_extra() == {"training_id": "a", "host": "h", "environment": "sandbox"}


def test_the_training_id_is_the_model_id() -> None:
    assert MODEL.model_id == "F5jvdzGnYi"


def test_models_come_in_the_order_in_which_they_got_ready() -> None:
    events = {"one asset": [event("late", 9)], "another": [event("early", 1)]}
    assert [model.model_id for model in ready_models(events)] == ["early", "late"]


def test_an_event_that_came_by_an_alias_too_counts_once() -> None:
    the_same = event("a", 1)
    assert len(ready_models({"the asset": [the_same], "the alias": [the_same]})) == 1


def test_the_newest_event_of_a_model_tells() -> None:
    events = [event("a", 5, instance_prompt="new"), event("a", 1, instance_prompt="old")]
    assert [model.instance_prompt for model in ready_models(events)] == ["new"]


def test_other_events_are_passed_over() -> None:
    others = [SimpleNamespace(extra=extra, timestamp=None) for extra in ({}, None, {"training_id": 7}, "x")]
    assert ready_models(others) == []
    assert ready_models(None) == []
