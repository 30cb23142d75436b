# SPDX-License-Identifier: Apache-2.0
"""The trigger that lets a task wait for a place in the account's queue without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class DreamboothTurnTrigger(BaseTrigger):
    """
    Fire once at a given time.

    :param moment: epoch seconds.
    """

    def __init__(self, *, moment: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.moment = moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores to run this trigger elsewhere."""
        return ("airflow_provider_dreambooth.triggers.turn.DreamboothTurnTrigger", {"moment": self.moment})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until the moment has come."""
        await asyncio.sleep(max(0.0, self.moment - time.time()))
        yield TriggerEvent({"status": "turn"})  # type: ignore[no-untyped-call]
