"""The trigger that waits for rendered images in the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.transport.off_loop import load

#: What a wait needs beyond this module. Airflow imports this module in its event loop, which they would hold for long.
_NEEDED = (
    "airflow_provider_dreambooth.api.text_to_image",
    "airflow_provider_dreambooth.hooks.shared_client",
    "airflow_provider_dreambooth.rendering.polling",
    "airflow_provider_dreambooth.transport.asynchronous",
)


class DreamboothTextToImageTrigger(BaseTrigger):
    """
    Wait for the images of one request and yield exactly one event.

    :param request_id: the service's id of the request.
    :param fetch_path: where to ask, out of the service's answer; ``None`` for the documented place.
    :param dreambooth_conn_id: the connection.
    :param poll_interval: seconds between two polls; ``None`` polls every half minute.
    :param end_time: epoch seconds after which the event is a ``timeout``.
    :param first_poll: epoch seconds before which not to ask.
    """

    def __init__(
        self,
        *,
        request_id: str,
        dreambooth_conn_id: str,
        fetch_path: str | None = None,
        poll_interval: float | None = None,
        end_time: float | None = None,
        first_poll: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.request_id = request_id
        self.dreambooth_conn_id = dreambooth_conn_id
        self.fetch_path = fetch_path
        self.poll_interval = poll_interval
        self.end_time = end_time
        self.first_poll = first_poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores to run this trigger elsewhere."""
        return (
            "airflow_provider_dreambooth.triggers.text_to_image.DreamboothTextToImageTrigger",
            {
                "request_id": self.request_id,
                "dreambooth_conn_id": self.dreambooth_conn_id,
                "fetch_path": self.fetch_path,
                "poll_interval": self.poll_interval,
                "end_time": self.end_time,
                "first_poll": self.first_poll,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the wait has ended, then yield the one event."""
        await load(*_NEEDED)
        from airflow_provider_dreambooth.api import text_to_image
        from airflow_provider_dreambooth.hooks.shared_client import SharedClient
        from airflow_provider_dreambooth.rendering.polling import RenderingPolling

        if self.first_poll is not None:
            await asyncio.sleep(max(0.0, self.first_poll - time.time()))
        polling = RenderingPolling(self.request_id, poll_interval=self.poll_interval, end_time=self.end_time)
        call = text_to_image.fetch(self.request_id, self.fetch_path)
        async with SharedClient(self.dreambooth_conn_id) as client:
            while True:
                try:
                    poll = polling.on_answer(await client.send(call), time.time())
                except DreamboothError as error:
                    poll = polling.on_error(error, time.time())
                except Exception as error:
                    self.log.debug("Unexpected error while waiting for images", exc_info=True)
                    poll = polling.on_error(
                        DreamboothTransientError(f"{type(error).__name__}: {error}"), time.time()
                    )
                if poll.ended is not None:
                    break
                await asyncio.sleep(poll.delay)
        yield TriggerEvent(poll.ended.to_payload())  # type: ignore[no-untyped-call]
