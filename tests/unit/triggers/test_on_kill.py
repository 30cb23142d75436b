# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dreambooth.runtime import supervisor
from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Airflow's answer about the task's state comes when this is set: the task is deferred."""
    event = asyncio.Event()

    async def task_state(task_instance: Any) -> str:
        await event.wait()
        return "deferred"

    async def has_xcom(task_instance: Any, key: str) -> bool:
        return True

    monkeypatch.setattr(supervisor, "task_state", task_state)
    monkeypatch.setattr(supervisor, "has_xcom", has_xcom)
    return event


async def test_it_stays_until_the_log_says_what_became_of_the_training_however_often_airflow_cancels_it(
    answered: asyncio.Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    trigger = DreamboothFineTuneTrigger(training_id="abc", dreambooth_conn_id="any", cancel_on_kill=True)
    trigger.task_instance = SimpleNamespace(task_id="train", trigger_timeout=None)  # type: ignore[assignment]
    trigger._log = logging.getLogger("of.the.trigger")  # type: ignore[assignment]  # Airflow keeps its own from caplog
    kill = asyncio.create_task(trigger.on_kill())
    for _ in range(3):
        for _ in range(5):
            await asyncio.sleep(0)
        kill.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not kill.done()

    answered.set()
    await kill

    assert "Training abc is still running: the task is deferred, not marked failed" in caplog.text
