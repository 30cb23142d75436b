# SPDX-License-Identifier: Apache-2.0
"""An operator that tells how a connection looks on the worker and in the triggerer; in the plugins folder, where both find it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook


def told(settings: ConnectionSettings) -> dict[str, Any]:
    """All of a connection, with the emulator's name for the account instead of the key."""
    fields = asdict(settings)
    return fields | {
        "api_key": hashlib.sha256(fields["api_key"].encode()).hexdigest()[:12],
        "unused": list(settings.unused),  # as Airflow stores a tuple
    }


class ReadConnectionTrigger(BaseTrigger):
    """Read a connection in the triggerer."""

    def __init__(self, dreambooth_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dreambooth_conn_id = dreambooth_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        arguments = {"dreambooth_conn_id": self.dreambooth_conn_id}
        return "connection_reading.ReadConnectionTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # A trigger that fires right after its deferral can lose the task (apache/airflow #67287).
        await asyncio.sleep(8)
        try:
            read = told(await DreamboothHook(self.dreambooth_conn_id).asettings())
        except DreamboothError as error:
            read = {"error": str(error)}
        yield TriggerEvent(read)  # type: ignore[no-untyped-call]


class ReadConnectionOperator(BaseOperator):
    """Push what the worker reads as XCom ``worker`` and what the triggerer reads as XCom ``triggerer``."""

    template_fields = ("dreambooth_conn_id",)

    def __init__(self, *, dreambooth_conn_id: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.dreambooth_conn_id = dreambooth_conn_id

    def execute(self, context: Any) -> None:
        try:
            read = told(DreamboothHook(self.dreambooth_conn_id).settings)
        except DreamboothError as error:
            read = {"error": str(error)}
        context["ti"].xcom_push("worker", read)
        self.defer(trigger=ReadConnectionTrigger(self.dreambooth_conn_id), method_name="resume")

    def resume(self, context: Any, event: dict[str, Any]) -> None:
        context["ti"].xcom_push("triggerer", event)
