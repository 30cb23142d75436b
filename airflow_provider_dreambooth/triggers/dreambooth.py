# SPDX-License-Identifier: Apache-2.0
"""The trigger that waits for one training in the triggerer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.runtime import stall, supervisor
from airflow_provider_dreambooth.training.summary import SUMMARY_KEY, TrainingSummary
from airflow_provider_dreambooth.transport.off_loop import load
from airflow_provider_dreambooth.triggers.polling import PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.call import ApiCall
    from airflow_provider_dreambooth.hooks.shared_client import SharedClient
    from airflow_provider_dreambooth.training.polling import Poll, Polling

#: Seconds that ``on_kill`` stays for its work; Airflow gives it 30 (``[triggerer] on_kill_timeout``).
LONGEST_KILL = 25.0
#: Tasks that must outlive their caller: Airflow cancels ``on_kill`` a second after it has called it.
_unfinished: set[asyncio.Task[None]] = set()


class DreamboothFineTuneTrigger(PollingTrigger):
    """
    Wait for one training and yield exactly one event about how the wait ended.

    It survives any transient error, ends at once on a permanent one, and cancels nothing but on a user's *mark
    failed* with ``cancel_on_kill``. All arguments are stored in plain text by Airflow: none is a secret.

    :param training_id: the training.
    :param dreambooth_conn_id: the connection.
    :param poll_interval: seconds between two polls; ``None`` follows stage and ETA.
    :param end_time: epoch seconds after which the event is a ``timeout``; ``None`` for never.
    :param first_poll: epoch seconds before which not to poll: a task that comes back at once can be lost by Airflow.
    :param cancel_on_kill: cancel the training when a user marks the waiting task failed (Airflow 3.3).
    :param training_api: which interface of the service has the training: ``v3``, or ``v6`` for its trainer.
    :param first_look: ``first_poll`` of a trigger that an earlier version stored.
    :param state: stored by an earlier version; not used.
    """

    needed: ClassVar[tuple[str, ...]] = (
        *PollingTrigger.needed,
        "airflow_provider_dreambooth.api.training_routes",
        "airflow_provider_dreambooth.training.kill_order",
        "airflow_provider_dreambooth.training.stop_note",
        "airflow_provider_dreambooth.training.polling",
    )

    def __init__(
        self,
        *,
        training_id: str,
        dreambooth_conn_id: str,
        poll_interval: float | None = None,
        end_time: float | None = None,
        first_poll: float | None = None,
        cancel_on_kill: bool = False,
        training_api: str = "v3",
        first_look: float | None = None,
        state: Any = None,
    ) -> None:
        super().__init__(
            dreambooth_conn_id=dreambooth_conn_id,
            poll_interval=poll_interval,
            end_time=end_time,
            first_poll=first_look if first_poll is None else first_poll,
        )
        self.training_id = training_id
        self.cancel_on_kill = cancel_on_kill
        self.training_api = training_api
        self._shown: TrainingSummary | None = None
        self._stalls: stall.StallDetector | None = None

    def started(self) -> None:
        """Watch for a triggerer that stands still: what it is told afterwards is no person's word."""
        self._stalls = stall.watched_event_loop()

    def arguments(self) -> dict[str, Any]:
        """Return the further arguments of the trigger."""
        arguments: dict[str, Any] = {"training_id": self.training_id, "cancel_on_kill": self.cancel_on_kill}
        if self.training_api != "v3":
            # Left out where it is the usual one: a triggerer of an earlier version does not know it.
            arguments["training_api"] = self.training_api
        return arguments

    async def begin(self) -> Polling:
        """Return the state of the wait, from where the task or an earlier run of this trigger left it."""
        from airflow_provider_dreambooth.training.polling import Polling

        self._shown = await self._summary()
        return Polling(
            self._shown or TrainingSummary(self.training_id, connection=self.dreambooth_conn_id),
            now=time.time(),
            poll_interval=self.poll_interval,
            end_time=self.end_time,
        )

    async def call(self, client: SharedClient) -> ApiCall[Any]:
        """Return the status call."""
        from airflow_provider_dreambooth.api import training_routes

        api = TrainingApi(self.training_api)
        return training_routes.status(api, self.training_id, await client.environment())

    async def polled(self, polling: Polling, poll: Poll) -> None:
        """Log what changed, and show a new stage; the end is shown by the worker."""
        poll.report(self.log)
        if poll.ended is None and self._shown is not None and polling.summary is not self._shown:
            self._shown = polling.summary
            await supervisor.push_xcom(self.task_instance, SUMMARY_KEY, self._shown.to_json())

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
        if not work.done():
            self.log.warning(
                "Training %s may still be running: neither Airflow nor the service answered within %.0f s. Cancel it with "
                "%s or at the service.",
                self.training_id,
                LONGEST_KILL,
                TrainingApi(self.training_api).cancel_operator,
            )

    async def _cancel_if_marked_failed(self) -> None:
        await load(*self.needed)
        from airflow_provider_dreambooth.hooks.shared_client import SharedClient
        from airflow_provider_dreambooth.training import cancellation, kill_order, stop_note

        now, instance = time.time(), self.task_instance
        # When a clear begins a new try, that try's first act is to delete the XComs of the one before. That the entry
        # is there says that the try is still this one; what an XCom backend makes of its value does not matter.
        facts = kill_order.KillFacts(
            task_state=None if instance is None else await supervisor.task_state(instance),
            now=now,
            end_time=self.end_time,
            stalled=self._stalls is not None and self._stalls.stalled(now),
            same_try=None if instance is None else await supervisor.has_xcom(instance, "training_id"),
        )
        ordered, why = kill_order.ordered_by_a_person(facts)
        if not ordered:
            cancellation.left_running(self.training_id, why).report(self.log)
            return
        try:
            async with SharedClient(self.dreambooth_conn_id) as client:
                api = TrainingApi(self.training_api)
                result = await cancellation.acancel(client, self.training_id, why=why, api=api)
        except Exception as error:
            self.log.error(
                "Training %s could not be cancelled and may still be running: %s", self.training_id, error
            )
        else:
            result.report(self.log)
            if result.cancelled and api is TrainingApi.V6:
                # The service will call it completed.
                key = stop_note.key_of(self.training_id)
                if not await supervisor.put_variable(key, "stopped", stop_note.DESCRIPTION):
                    self.log.warning(stop_note.NOT_NOTED, self.training_id, "")
