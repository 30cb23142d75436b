# SPDX-License-Identifier: Apache-2.0
"""One task instance, and what Airflow and people do to it."""

from __future__ import annotations

import json
from copy import copy
from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothNotFoundError
from airflow_provider_dreambooth.operators.fine_tune import DreamboothFineTuneOperator
from airflow_provider_dreambooth.training.kill_order import KillFacts, ordered_by_a_person
from airflow_provider_dreambooth.training.polling import Polling
from airflow_provider_dreambooth.training.record import RECORD_KEY
from airflow_provider_dreambooth.training.summary import TrainingSummary
from tests.unit.operators.paid_world.hook import ModelHook
from tests.unit.operators.paid_world.payer import Payer
from tests.unit.operators.paid_world.steps import Moment, WorkerDied
from tests.unit.operators.paid_world.stores import RETRIES, StepTaskInstance
from tests.unit.operators.paid_world.training import Training, status_of
from tests.unit.operators.paid_world.world import World


class Task(Payer):
    """One task instance with its policies."""

    def __init__(
        self,
        world: World,
        index: int = 0,
        *,
        on_lost: str = "fail",
        on_clear: str = "reuse",
        cancel_on_timeout: bool = False,
        deferrable: bool = True,
        wait: bool = True,
        timeout: float | None = 6 * 3600.0,
    ) -> None:
        super().__init__(
            world, index, on_lost=on_lost, on_clear=on_clear, cancel_on_timeout=cancel_on_timeout
        )
        self.deferrable, self.wait, self.timeout = deferrable, wait, timeout
        self.ti = StepTaskInstance(world, index)
        self.ti.try_number = 0
        self.first_started = 0.0
        self.method = ""
        self.old_triggers: list[Any] = []
        self.running = False

    def operator(self) -> DreamboothFineTuneOperator:
        operator = DreamboothFineTuneOperator(
            task_id="train",
            instance_prompt=f"photo of zwx fox {self.inputs}",
            class_prompt="photo of fox",
            images=[f"https://images.example/{number}.png" for number in range(7)],
            base_model_id="portraitplus-diffusion" if self.world.environment == "production" else None,
            wait_for_completion=self.wait,
            deferrable=self.deferrable,
            on_lost_submission=self.on_lost,
            on_clear=self.on_clear,
            cancel_on_timeout=self.cancel_on_timeout,
            timeout=self.timeout,
            poll_interval=60.0,
        )
        operator.__dict__["hook"] = ModelHook(self.world, self)
        return operator

    def start(self, *, dies_at: int | Moment | None = None) -> None:
        """Run the next try, past the guard by which Airflow keeps others from calling ``execute``."""
        assert self.state in ("none", "up_for_retry")
        # A worker process needs a moment to start.
        self.world.now += 2
        self.ti.try_number += 1
        self.first_started = self.first_started or self.world.now
        self.ti.xcoms.clear()
        self.inputs_of_try = self.inputs
        self.marked_failed = False
        self._run("_run", {}, dies_at)

    def resume(self, event: dict[str, Any], *, dies_at: int | Moment | None = None) -> None:
        """Come back from a deferral with the trigger's event."""
        assert self.state == "deferred"
        self.old_triggers.append(self.trigger)
        self.trigger = None
        self.resuming = str(event.get("status"))
        if self.method == "execute_turn":
            # Nothing was asked for yet.
            self.inputs_of_try = self.inputs
        try:
            self._run(self.method, {"event": event}, dies_at)
        finally:
            self.resuming = None

    def _run(self, method: str, arguments: dict[str, Any], dies_at: int | Moment | None) -> None:
        from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

        assert not self.running
        self.state, self.running, self.error, self.result = "running", True, None, None
        self.answered, self.lagged, self.registered = None, False, self.in_registry()
        self.generation += 1
        self.store.were_read.clear()
        self.note_given_up()
        generation, outcome = self.generation, {}
        context: Any = {"ti": self.ti, "task_state_store": self.store, "outlet_events": {}}
        try:
            with self.world.mortal(dies_at):
                outcome["result"] = getattr(self.operator(), method)(context, **arguments)
            outcome["state"] = "success"
        except TaskDeferred as deferral:
            outcome.update(state="deferred", trigger=deferral.trigger, method=deferral.method_name)
        except AirflowFailException as error:
            outcome.update(state="failed", error=error)
        except (DreamboothError, WorkerDied) as error:
            retry = self.ti.try_number <= self.ti.max_tries
            outcome.update(state="up_for_retry" if retry else "failed", error=error)
        if self.world.broken is not None:
            raise self.world.broken
        if generation != self.generation:
            # Airflow listens to the try that it started last.
            self.note_known()
            return
        self.running = False
        self.__dict__.update(outcome)
        self.note_known()
        if not isinstance(self.error, WorkerDied):
            self.judge_the_try()
        if self.state == "success":
            self.judge_the_result()
        if self.state == "deferred" and self.waits_for is not None:
            assert self.ti.xcoms["training_id"] == self.waits_for.training_id

    def stand_still(self, seconds: float = 600.0, *, cleared: bool = False) -> None:
        """
        The worker is frozen in the middle of a step: Airflow starts another try, then it wakes up.

        :param seconds: for how long.
        :param cleared: somebody has cleared the task. Airflow itself starts another try only after minutes.
        """
        if self._nobody_can_know(seconds) or self.ti.try_number > self.ti.max_tries:
            return
        resuming, answered, lagged, ti = self.resuming, self.answered, self.lagged, self.ti
        self.world.now += seconds
        self.ti = copy(ti)
        self.ti.xcoms = {}
        self.running, self.state, self.resuming = False, "up_for_retry", None
        if cleared:
            self.clear()
        self.start()
        self.resuming, self.answered, self.lagged = resuming, answered, lagged

    def _nobody_can_know(self, seconds: float) -> bool:
        """
        Between the last read of the record and the first byte of the request, and between a read and the write that
        follows: Airflow's stores have no compare-and-set. The write of an intent is followed by one more look, which
        finds minutes.
        """
        step, value = self.world.calls[-1], self.world.writing
        if RECORD_KEY not in self.store.were_read:
            # It will decide by what the other try has left.
            return True
        if step != "state to be written":
            return step == "request to be sent"
        return seconds < 60 or bool(value.get("training_id") or value.get("ending") or value.get("lost_at"))

    def next_event(self) -> dict[str, Any] | None:
        """What the trigger would yield now; ``None`` while it has nothing to say."""
        if self.method == "execute_turn":
            self.world.now = max(self.world.now, self.trigger.moment)
            return {"status": "turn"}
        training = self.waits_for
        assert training is not None
        self.world.now = max(self.world.now, self.trigger.first_poll)
        polling = Polling(
            TrainingSummary(training.training_id),
            now=self.world.now,
            end_time=self.trigger.end_time,
        )
        if training.vanished or not self.world.reaches(training):
            poll = polling.on_error(DreamboothNotFoundError("Training not found"), self.world.now)
        else:
            poll = polling.on_answer(status_of(training), self.world.now)
        return poll.ended.to_payload() if poll.ended else None

    # People

    def clear(self) -> None:
        """Press Clear."""
        self.clears += 1
        self.ti.max_tries = self.ti.try_number + RETRIES
        if self.trigger is not None:
            self.old_triggers.append(self.trigger)
        self.trigger, self.state = None, "none"

    def mark(self, state: str) -> None:
        """Mark the waiting task failed or successful; Airflow then calls the trigger's ``on_kill``."""
        assert self.state == "deferred"
        self.state, self.marked_failed = state, state == "failed"
        self.old_triggers.append(self.trigger)
        self.trigger = None
        self.kill_is_called(self.old_triggers[-1], stalled=False)

    def kill_is_called(self, trigger: Any, *, stalled: bool = True) -> None:
        """Airflow calls ``on_kill`` of a trigger, with or without a reason."""
        training_id = getattr(trigger, "training_id", None)
        if training_id is None or not trigger.cancel_on_kill:
            return
        facts = KillFacts(
            task_state=self.state,
            now=self.world.now,
            end_time=trigger.end_time,
            stalled=stalled,
            same_try="training_id" in self.ti.xcoms,
        )
        training = self.world.find(training_id)
        if ordered_by_a_person(facts)[0] and training is not None and not training.vanished:
            self.cancel(training, "marked failed")

    def fail_by_airflow(self, **cause: Any) -> None:
        """Airflow itself fails the waiting task, and calls ``on_kill`` as well."""
        assert self.state == "deferred"
        trigger, self.trigger = self.trigger, None
        self.state, self.marked_failed = "failed", False
        training = self.world.find(getattr(trigger, "training_id", None) or "")
        facts = KillFacts(task_state="failed", now=self.world.now, end_time=trigger.end_time, **cause)
        if training is not None and ordered_by_a_person(facts)[0]:
            self.cancel(training, "marked failed")

    def hand_over(self, training: Training) -> None:
        """Put the id of a lost training into the record, as the error says."""
        record = self.record
        assert record is not None
        training.told = True
        self.store.entries[RECORD_KEY] = json.dumps({**record, "training_id": training.training_id})
        self.note_known()

    def delete_record(self) -> None:
        """Delete the record, as the error says: that asks for a new training."""
        self.store.entries.pop(RECORD_KEY, None)
        self.record_deleted = True
