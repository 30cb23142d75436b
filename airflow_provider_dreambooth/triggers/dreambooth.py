"""The trigger that waits for one training in the triggerer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.runtime import stall, supervisor
from airflow_provider_dreambooth.training.summary import SUMMARY_KEY, TrainingSummary
from airflow_provider_dreambooth.transport.off_loop import load

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.call import ApiCall
    from airflow_provider_dreambooth.api.results import FineTuneStatus

#: What a wait needs beyond this module. Airflow imports this module in its event loop, which they would hold for long.
_NEEDED = (
    "airflow_provider_dreambooth.api.training_calls",
    "airflow_provider_dreambooth.hooks.shared_client",
    "airflow_provider_dreambooth.training.cancellation",
    "airflow_provider_dreambooth.training.polling",
    "airflow_provider_dreambooth.transport.asynchronous",
)

#: Seconds that ``on_kill`` stays for its work; Airflow gives it 30 (``[triggerer] on_kill_timeout``).
LONGEST_KILL = 25.0
#: Tasks that must outlive their caller: Airflow cancels ``on_kill`` a second after it has called it.
_unfinished: set[asyncio.Task[None]] = set()


class DreamboothFineTuneTrigger(BaseTrigger):
    """
    Wait for one training and yield exactly one event about how the wait ended.

    It survives any passing fault, ends at once on a permanent one, and cancels nothing but on a user's *mark
    failed* with ``cancel_on_kill``. All arguments are stored in plain text by Airflow: none is a secret.

    :param training_id: the training.
    :param dreambooth_conn_id: the connection.
    :param poll_interval: seconds between two looks; ``None`` follows the service's ETA.
    :param end_time: epoch seconds after which the event is a ``timeout``; ``None`` for never.
    :param first_look: epoch seconds before which not to ask: a task that comes back at once can be lost by Airflow.
    :param cancel_on_kill: cancel the training when a user marks the waiting task failed (Airflow 3.3).
    :param state: stored by triggers of 0.x and still waiting in a database; not used.
    """

    def __init__(
        self,
        *,
        training_id: str,
        dreambooth_conn_id: str,
        poll_interval: float | None = None,
        end_time: float | None = None,
        first_look: float | None = None,
        cancel_on_kill: bool = False,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.training_id = training_id
        self.dreambooth_conn_id = dreambooth_conn_id
        self.poll_interval = poll_interval
        self.end_time = end_time
        self.first_look = first_look
        self.cancel_on_kill = cancel_on_kill
        self._stalls: stall.StallDetector | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores to run this trigger elsewhere."""
        return (
            "airflow_provider_dreambooth.triggers.dreambooth.DreamboothFineTuneTrigger",
            {
                "training_id": self.training_id,
                "dreambooth_conn_id": self.dreambooth_conn_id,
                "poll_interval": self.poll_interval,
                "end_time": self.end_time,
                "first_look": self.first_look,
                "cancel_on_kill": self.cancel_on_kill,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the training until the wait has ended, then yield the one event."""
        self._stalls = stall.watched_event_loop()
        await load(*_NEEDED)
        from airflow_provider_dreambooth.api import training_calls
        from airflow_provider_dreambooth.hooks.shared_client import SharedClient
        from airflow_provider_dreambooth.training.polling import Watch

        if self.first_look is not None:
            await asyncio.sleep(max(0.0, self.first_look - time.time()))
        shown = await self._summary()
        watch = Watch(
            shown or TrainingSummary(self.training_id, connection=self.dreambooth_conn_id),
            now=time.time(),
            poll_interval=self.poll_interval,
            end_time=self.end_time,
        )
        call: ApiCall[FineTuneStatus] | None = None
        async with SharedClient(self.dreambooth_conn_id) as client:
            while True:
                try:
                    if call is None:
                        call = training_calls.status(self.training_id, await client.environment())
                    look = watch.on_status(await client.send(call), time.time())
                except DreamboothError as error:
                    look = watch.on_error(error, time.time())
                except Exception as error:
                    # A fault of ours or of Airflow's, such as a connection that cannot be read for a moment, must
                    # not end the wait for a paid training either.
                    self.log.debug(
                        "Unexpected fault while watching training %s", self.training_id, exc_info=True
                    )
                    fault = DreamboothTransientError(
                        f"{type(error).__name__}: {error}", training_id=self.training_id
                    )
                    look = watch.on_error(fault, time.time())
                if look.line:
                    (self.log.warning if look.warning else self.log.info)("%s", look.line)
                if look.ended is not None:
                    break
                if shown is not None and watch.summary is not shown:
                    shown = watch.summary
                    await supervisor.push_xcom(self.task_instance, SUMMARY_KEY, shown.to_json())
                await asyncio.sleep(look.delay)
        yield TriggerEvent(look.ended.to_payload())  # type: ignore[no-untyped-call]

    async def _summary(self) -> TrainingSummary | None:
        """Return what the task has shown of this training, to go on from there; what is not read is not overwritten."""
        if self.task_instance is None:
            return None
        shown = TrainingSummary.from_json(await supervisor.pull_xcom(self.task_instance, SUMMARY_KEY))
        return shown if shown is not None and shown.training_id == self.training_id else None

    async def on_kill(self) -> None:
        """
        Cancel the training if, and only if, a user marked the waiting task failed (Airflow 3.3 calls this).

        Airflow cancels this coroutine again after a second: the work is done in a task of its own. It closes the
        task's log when this returns: so this stays until the work has said what became of the training.
        """
        if not self.cancel_on_kill:
            return
        work = asyncio.create_task(self._cancel_if_marked_failed())
        _unfinished.add(work)
        work.add_done_callback(_unfinished.discard)
        until = time.monotonic() + LONGEST_KILL
        while not work.done() and time.monotonic() < until:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({work}, timeout=until - time.monotonic())

    async def _cancel_if_marked_failed(self) -> None:
        await load(*_NEEDED)
        from airflow_provider_dreambooth.hooks.shared_client import SharedClient
        from airflow_provider_dreambooth.training import cancellation

        now, instance = time.time(), self.task_instance
        # When a clear begins a new try, that try's first act is to delete the XComs of the one before. That the entry
        # is there says that the try is still this one; what an XCom backend makes of its value does not matter.
        facts = cancellation.KillFacts(
            task_state=None if instance is None else await supervisor.task_state(instance),
            now=now,
            end_time=self.end_time,
            stalled=self._stalls is not None and self._stalls.stalled(now),
            same_try=None if instance is None else await supervisor.has_xcom(instance, "training_id"),
        )
        ordered, why = cancellation.ordered_by_a_person(facts)
        if not ordered:
            cancellation.left_running(self.training_id, why).report(self.log)
            return
        try:
            async with SharedClient(self.dreambooth_conn_id) as client:
                result = await cancellation.acancel(client, self.training_id, why=why)
        except Exception as error:
            self.log.error(
                "Training %s could not be cancelled and may still be running: %s", self.training_id, error
            )
        else:
            result.report(self.log)
