# SPDX-License-Identifier: Apache-2.0
"""Each wait that a flow returns leads to the trigger that waits for it."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from airflow.triggers.base import BaseTrigger

from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.triggers.awaited import trigger_of
from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger
from airflow_provider_dreambooth.triggers.text_to_image import DreamboothTextToImageTrigger
from airflow_provider_dreambooth.triggers.turn import DreamboothTurnTrigger


@pytest.mark.parametrize(
    ("awaits", "arguments", "expected"),
    [
        ("training", {"training_id": "T1", "end_time": 9.0, "training_api": "v6"}, DreamboothFineTuneTrigger),
        ("images", {"request_id": "1", "fetch_path": "/x", "end_time": 9.0}, DreamboothTextToImageTrigger),
        ("time", {"moment": 9.0}, DreamboothTurnTrigger),
    ],
)
def test_a_wait_is_handed_to_its_trigger_with_all_its_arguments(
    awaits: Literal["training", "images", "time"], arguments: dict[str, Any], expected: type[BaseTrigger]
) -> None:
    trigger = trigger_of(Deferral(awaits, arguments), "the_connection")
    assert type(trigger) is expected
    stored = trigger.serialize()[1]
    assert stored.items() >= arguments.items()
    assert awaits == "time" or stored["dreambooth_conn_id"] == "the_connection"
