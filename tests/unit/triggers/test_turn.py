# SPDX-License-Identifier: Apache-2.0
"""The trigger of a task that waits its turn."""

from __future__ import annotations

import json
import time

from airflow_provider_dreambooth.triggers.turn import DreamboothTurnTrigger


async def test_it_fires_once_when_the_moment_has_come() -> None:
    moment = time.time() + 0.1
    events = [event async for event in DreamboothTurnTrigger(moment=moment).run()]
    assert time.time() >= moment
    assert len(events) == 1


async def test_a_moment_that_has_passed_fires_at_once() -> None:
    assert len([event async for event in DreamboothTurnTrigger(moment=1.0).run()]) == 1


def test_its_arguments_round_trip() -> None:
    path, arguments = DreamboothTurnTrigger(moment=12.5).serialize()
    assert path.endswith("triggers.turn.DreamboothTurnTrigger")
    assert DreamboothTurnTrigger(**json.loads(json.dumps(arguments))).moment == 12.5
