# SPDX-License-Identifier: Apache-2.0
"""The trigger of a task that waits for pictures, on a real server."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.triggers.text_to_image import DreamboothTextToImageTrigger
from tests.unit.conftest import Served


def rendering(served: Served) -> DreamboothTextToImageTrigger:
    """Ask for pictures that take a minute of the emulator's time."""
    served.service.options.render = 60.0
    training_id = served.train()
    served.force(training_id, "ready")
    answer = DreamboothHook().text_to_image(model_id=training_id, prompt="photo of zwx fox")
    assert not answer.ready
    return DreamboothTextToImageTrigger(
        request_id=answer.request_id or "",
        fetch_path=answer.fetch_path,
        dreambooth_conn_id="dreambooth_default",
        poll_interval=0.02,
    )


async def the_event(trigger: DreamboothTextToImageTrigger) -> dict[str, Any]:
    async with asyncio.timeout(60):
        (event,) = [item.payload async for item in trigger.run()]
    payload: dict[str, Any] = json.loads(json.dumps(event))
    return payload


async def test_it_brings_the_links_when_the_pictures_are_there(served: Served) -> None:
    trigger = rendering(served)
    waiting = asyncio.create_task(the_event(trigger))
    await asyncio.sleep(0.2)
    served.service.clock.advance(61.0)  # type: ignore[attr-defined]
    event = await waiting
    assert event["status"] == "success"
    assert len(event["urls"]) == 1


@pytest.mark.parametrize("kind", ["http_502_html", "empty", "cut", "truncated", "failed_try_again"])
async def test_no_single_bad_answer_ends_the_wait(served: Served, kind: str) -> None:
    trigger = rendering(served)
    served.service.clock.advance(61.0)  # type: ignore[attr-defined]
    served.fault(kind, endpoint="fetch_image", times=2)
    assert (await the_event(trigger))["status"] == "success"


async def test_a_permanent_fault_ends_it_at_once(served: Served) -> None:
    trigger = rendering(served)
    served.fault("invalid_key", endpoint="fetch_image")
    event = await the_event(trigger)
    assert (event["status"], event["error"]) == ("error", "DreamboothAuthError")


async def test_the_deadline_ends_it(served: Served) -> None:
    trigger = rendering(served)
    trigger.end_time = time.time() + 0.2
    assert (await the_event(trigger))["status"] == "timeout"


def test_its_arguments_round_trip_and_hold_no_secret(served: Served) -> None:
    path, arguments = rendering(served).serialize()
    text = json.dumps(arguments)
    assert served.key not in text
    assert DreamboothTextToImageTrigger(**json.loads(text)).serialize() == (path, arguments)
