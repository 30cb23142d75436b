# SPDX-License-Identifier: Apache-2.0
"""A trigger that brings about a deprecation warning: proof that a triggerer's warnings can be found in the logs."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class OldFashionedTrigger(BaseTrigger):
    """Warns and fires."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "old_fashioned_trigger.OldFashionedTrigger", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        # An event within the first seconds of a deferral can get lost in Airflow.
        await asyncio.sleep(8)
        warnings.warn("old-fashioned in the triggerer", DeprecationWarning, stacklevel=1)
        yield TriggerEvent("fired")  # type: ignore[no-untyped-call]
