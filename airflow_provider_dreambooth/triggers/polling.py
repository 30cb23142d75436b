# SPDX-License-Identifier: Apache-2.0
"""What the triggers have in common: they poll by a schedule until the wait has ended, and yield one event about it."""

from __future__ import annotations

import asyncio
import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.training.deadline import LAST_POLL
from airflow_provider_dreambooth.transport.off_loop import load, turn

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.call import ApiCall
    from airflow_provider_dreambooth.hooks.shared_client import SharedClient

#: Seconds over which triggers begin whose first poll is overdue: a restarted triggerer starts thousands at once.
SPREAD = 5.0


class PollingTrigger(BaseTrigger):
    """
    Poll until the wait has ended.

    :param dreambooth_conn_id: the connection.
    :param poll_interval: seconds between two polls; ``None`` follows the service.
    :param end_time: epoch seconds after which the event is a ``timeout``; ``None`` for never.
    :param first_poll: epoch seconds before which not to poll: a task that comes back at once can be lost by Airflow.
    """

    #: What a wait needs beyond this module. Airflow imports triggers in its event loop, which it would hold for long.
    needed: ClassVar[tuple[str, ...]] = (
        "airflow_provider_dreambooth.hooks.shared_client",
        "airflow_provider_dreambooth.transport.asynchronous",
    )

    def __init__(
        self,
        *,
        dreambooth_conn_id: str,
        poll_interval: float | None = None,
        end_time: float | None = None,
        first_poll: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dreambooth_conn_id = dreambooth_conn_id
        self.poll_interval = poll_interval
        self.end_time = end_time
        self.first_poll = first_poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores to run this trigger elsewhere."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "dreambooth_conn_id": self.dreambooth_conn_id,
                "poll_interval": self.poll_interval,
                "end_time": self.end_time,
                "first_poll": self.first_poll,
                **self.arguments(),
            },
        )

    def started(self) -> None:
        """Note that the trigger begins to run in this event loop."""

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """Return the further arguments of the trigger."""

    @abstractmethod
    async def begin(self) -> Any:
        """Return the state of the wait, which turns answers and errors into polls."""

    @abstractmethod
    async def call(self, client: SharedClient) -> ApiCall[Any]:
        """Return the call of each poll."""

    async def polled(self, polling: Any, poll: Any) -> None:
        """Tell of a poll."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the wait has ended, then yield the one event."""
        # A restarted triggerer starts thousands at once, and they may wake together.
        await turn()
        self.started()
        await asyncio.sleep(self._until_first_poll())
        await turn()
        await load(*self.needed)
        from airflow_provider_dreambooth.hooks.shared_client import SharedClient

        polling = await self.begin()
        call: ApiCall[Any] | None = None
        async with SharedClient(self.dreambooth_conn_id) as client:
            while True:
                try:
                    async with asyncio.timeout(self._longest_poll()):
                        call = call or await self.call(client)
                        answer = await client.send(call)
                    poll = polling.on_answer(answer, time.time())
                except DreamboothError as error:
                    poll = polling.on_error(error, time.time())
                except Exception as error:
                    # An error of ours or of Airflow's, such as a connection that cannot be read for a moment, must
                    # not end the wait for something that is paid.
                    self.log.debug("Unexpected error while waiting", exc_info=True)
                    transient = DreamboothTransientError(f"{type(error).__name__}: {error}")
                    poll = polling.on_error(transient, time.time())
                await self.polled(polling, poll)
                if poll.ended is not None:
                    break
                await asyncio.sleep(poll.delay)
        yield TriggerEvent(poll.ended.to_payload())  # type: ignore[no-untyped-call]

    def _until_first_poll(self) -> float:
        now = time.time()
        if self.first_poll is not None and self.first_poll > now:
            return self.first_poll - now
        soon = min(SPREAD, self.poll_interval or SPREAD)
        if self.end_time is not None:
            soon = min(soon, max(self.end_time - now, 0.0))
        return random.uniform(0.0, soon)

    def _longest_poll(self) -> float | None:
        return None if self.end_time is None else max(self.end_time - time.time(), 0.0) + LAST_POLL
