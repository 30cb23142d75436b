"""A small model of everything around a paid training: the service, Airflow's stores, the clock, and people.

Every touch of the outside is a step, at which the worker may die or another task may run. The model knows what
was really paid and by whom, and judges each payment, each cancel and each result by the contract's table alone;
it shares nothing with the code that decides.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, FineTuneStatus, Model
from airflow_provider_dreambooth.api.stages import outcome_of
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.operators import fine_tune
from airflow_provider_dreambooth.operators.fine_tune import DreamboothFineTuneOperator
from airflow_provider_dreambooth.runtime import variables
from airflow_provider_dreambooth.training import key_digest
from airflow_provider_dreambooth.training.cancellation import KillFacts, ordered_by_a_person
from airflow_provider_dreambooth.training.list_evidence import ListEvidence
from airflow_provider_dreambooth.training.polling import Polling
from airflow_provider_dreambooth.training.record import RECORD_KEY
from airflow_provider_dreambooth.training.summary import TrainingSummary
from tests.unit.task_surroundings import MemoryStateStore, MemoryVariables, TaskInstance

#: Seconds after which a training shows in the account's list.
LIST_LAG = 20.0
#: Seconds that the client waits for an answer.
ANSWER_WITHIN = 30.0
RETRIES = 2


class WorkerDied(BaseException):
    """The worker process is gone at this very moment."""


@dataclass
class Training:
    """What the service knows, and what is true of a training whoever knows it."""

    training_id: str
    owner: Task
    inputs: int
    accepted_at: float
    stage: str = "training_started"
    permanent: bool = False
    vanished: bool = False
    #: Cancelled through the provider, as opposed to by somebody at the service.
    cancelled_by_us: bool = False
    clears_before: int = 0

    @property
    def ended(self) -> bool:
        return self.stage != "training_started"


class World:
    """The service and the clock; whatever happens in it goes through :meth:`step`."""

    def __init__(self, environment: str = "production") -> None:
        self.environment = environment
        self.now = 1_000_000.0
        self.trainings: list[Training] = []
        self.calls: list[str] = []
        self.answers: dict[str, deque[str]] = {
            "create": deque(),
            "status": deque(),
            "list": deque(),
            "cancel": deque(),
        }
        self.variables = StepVariables(self)
        self.tasks: list[Task] = []
        self.list_shows_running = True
        self._dies_in: list[int | None] = [None]
        self._aside: tuple[int, Callable[[], None]] | None = None

    def let_the_list_be_known(self) -> None:
        """Let it have been seen before that the account's list shows trainings while they are running."""
        known = MemoryVariables(self.variables.values)
        ListEvidence(known, f"service {self.environment}").keep(shows_running=True, now=self.now)

    # The clock

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds
        self.step("slept")

    # Steps

    def step(self, name: str) -> None:
        """Touch the outside: others may act now, and the worker may die."""
        self.calls.append(name)
        if self._aside is not None:
            left, action = self._aside
            if left <= 0:
                self._aside = None
                # Another worker: its death is its own.
                self._dies_in.append(None)
                try:
                    action()
                finally:
                    self._dies_in.pop()
            else:
                self._aside = (left - 1, action)
        left_to_live = self._dies_in[-1]
        if left_to_live is not None:
            if left_to_live <= 0:
                raise WorkerDied
            self._dies_in[-1] = left_to_live - 1

    @contextlib.contextmanager
    def mortal(self, steps: int | None) -> Iterator[None]:
        """Let the worker die at that step."""
        self._dies_in.append(steps)
        try:
            yield
        finally:
            self._dies_in.pop()

    def aside(self, after: int, action: Callable[[], None]) -> None:
        """Let something else happen in the middle of the next run."""
        self._aside = (after, action)

    def forget_aside(self) -> None:
        self._aside = None

    # The service

    def answer(self, call: str) -> str:
        return self.answers[call].popleft() if self.answers[call] else "ok"

    def find(self, training_id: str) -> Training | None:
        return next((item for item in self.trainings if item.training_id == training_id), None)

    def pay(self, task: Task, inputs: int) -> Training:
        """Take a training on, after judging whether it may be paid at all."""
        before = task.paid[-1] if task.paid else None
        if before is not None:
            reasons = {
                "the inputs changed": before.inputs != inputs,
                "cleared with retrain": task.on_clear == "retrain" and task.clears > before.clears_before,
                "it failed": before.stage == "training_failed"
                and (not before.permanent or task.clears > before.clears_before),
                "it was cancelled by this task": before.cancelled_by_us,
                "it was cancelled and the task cleared": before.stage == "training_cancelled"
                and task.clears > before.clears_before,
                "it is gone and the task cleared": before.vanished and task.clears > before.clears_before,
                "resubmit asks for it": task.on_lost == "resubmit" and not task.has_known(before),
                "a person deleted the record": task.record_deleted,
            }
            assert any(reasons.values()), f"paid twice: {before} and again by {task}"
        task.record_deleted = False
        training = Training(f"T{len(self.trainings) + 1}", task, inputs, self.now, clears_before=task.clears)
        self.trainings.append(training)
        task.paid.append(training)
        return training

    def cancel(self, training: Training, by: Task, why: str) -> None:
        """Cancel, after judging whether anybody still waits for it."""
        assert training.owner is by, f"{by} cancelled {training} of another task"
        waiting = by.state == "deferred" and by.trigger is not None
        assert not (waiting and getattr(by.trigger, "training_id", "") == training.training_id), "waited for"
        allowed = {
            "replaced": training.inputs != by.inputs or by.on_clear == "retrain",
            "timeout": by.cancel_on_timeout,
            "marked failed": by.marked_failed,
        }
        assert allowed[why], f"{by} cancelled {training}: {why}"
        if not training.ended:
            training.stage = "training_cancelled"
            training.cancelled_by_us = True


class StepVariables(MemoryVariables):
    """Airflow's Variables, each touch a step."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def keys(self, prefix: str) -> Iterable[str]:
        self.world.step("variables listed")
        return super().keys(prefix)

    def get(self, key: str, default: Any) -> Any:
        self.world.step("variable read")
        return super().get(key, default)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        self.world.step("variable to be written")
        super().set(key, value, description)
        self.world.step("variable written")

    def delete(self, key: str) -> None:
        self.world.step("variable to be deleted")
        super().delete(key)


class StepStore(MemoryStateStore):
    """The task state store, each touch a step."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def get(self, key: str, default: Any = None) -> Any:
        self.world.step("state read")
        return super().get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.world.step("state to be written")
        super().set(key, value, retention=retention)
        self.world.step("state written")


class StepTaskInstance(TaskInstance):
    """A task instance, each push a step."""

    def __init__(self, world: World, index: int) -> None:
        super().__init__(map_index=index, max_tries=RETRIES)
        self.world = world

    def xcom_push(self, key: str, value: Any) -> None:
        self.world.step(f"xcom {key} to be pushed")
        super().xcom_push(key, value)
        self.world.step(f"xcom {key} pushed")


class ModelHook:
    """The hook as the operator sees it, on the model's service."""

    def __init__(self, world: World, task: Task) -> None:
        self.world, self.task = world, task
        self.settings = ConnectionSettings("k" * 20, "http://service", world.environment)  # type: ignore[arg-type]
        self.environment = Environment(world.environment)
        self.dreambooth_conn_id = "dreambooth_default"

    def get_conn(self) -> ModelHook:
        return self

    def download(self, url: str, **_: Any) -> bytes:
        raise DreamboothTransientError("this model has no pictures")

    def fine_tune(self, request: Any) -> FineTuneStarted:
        self.world.step("request to be sent")
        answer = self.world.answer("create")
        if answer == "refused":
            raise DreamboothTransientError("connection refused", acceptance=Acceptance.NO)
        if answer == "queue full":
            raise DreamboothRateLimitError(
                "Rate limit exceeded.", retry_after=30.0, raw="Rate limit exceeded"
            )
        if answer == "rejected":
            raise DreamboothValidationError("prompt is required")
        if answer == "no credits":
            raise DreamboothInsufficientCreditsError("Insufficient credits")
        if answer == "lost, not accepted":
            self.world.now += ANSWER_WITHIN
            raise DreamboothTransientError("HTTP 502", acceptance=Acceptance.UNKNOWN)
        if answer == "lost, accepted late":
            self.world.now += ANSWER_WITHIN
        training = self.world.pay(self.task, int(request.instance_prompt.rpartition(" ")[2]))
        self.world.step("request accepted")
        if answer in ("lost, accepted", "lost, accepted late"):
            raise DreamboothTransientError("HTTP 502", acceptance=Acceptance.UNKNOWN)
        return FineTuneStarted(training.training_id, "deploying_gpu", 1500.0)

    def _fault(self, call: str) -> None:
        self.world.step(f"{call} asked")
        answer = self.world.answer(call)
        if answer == "fault":
            raise DreamboothTransientError("HTTP 503", acceptance=Acceptance.UNKNOWN)
        if answer == "queue full":
            raise DreamboothRateLimitError("Rate limit exceeded.", raw="Rate limit exceeded")

    def fine_tune_status(self, training_id: str) -> FineTuneStatus:
        self._fault("status")
        training = self.world.find(training_id)
        if training is None or training.vanished:
            raise DreamboothNotFoundError("Training not found", raw="Training not found")
        return status_of(training)

    def list_models(self) -> tuple[Model, ...]:
        self._fault("list")
        return tuple(
            Model(item.training_id)
            for item in self.world.trainings
            if not item.vanished and self.world.now - item.accepted_at >= LIST_LAG
        )

    def cancel_training(self, training_id: str) -> Acknowledgement:
        self._fault("cancel")
        training = self.world.find(training_id)
        if training is None or training.vanished:
            raise DreamboothNotFoundError("Training not found")
        if training.ended:
            raise DreamboothValidationError("Training has already finished.")
        over = self.task.resuming == "timeout"
        self.world.cancel(training, self.task, "timeout" if over else "replaced")
        return Acknowledgement("Training cancelled")


def status_of(training: Training) -> FineTuneStatus:
    """Return the service's answer about a training."""
    reason = "Training Failed" if training.stage == "training_failed" else None
    return FineTuneStatus(
        training.training_id,
        training.stage,
        outcome_of(training.stage),
        reason=reason,
        cause_is_permanent=training.permanent,
    )


class Task:
    """One task instance with its policies, and what Airflow and people do to it."""

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
        self.world, self.index = world, index
        self.on_lost, self.on_clear, self.cancel_on_timeout = on_lost, on_clear, cancel_on_timeout
        self.deferrable, self.wait, self.timeout = deferrable, wait, timeout
        self.inputs = 1
        self.inputs_of_try = 1
        self.ti = StepTaskInstance(world, index)
        self.ti.try_number = 0
        self.store = StepStore(world)
        self.paid: list[Training] = []
        self.state = "none"
        self.clears = 0
        self.first_started = 0.0
        self.trigger: Any = None
        self.method = ""
        self.old_triggers: list[Any] = []
        self.marked_failed = False
        self.record_deleted = False
        self.resuming: str | None = None
        self.running = False
        self.error: BaseException | None = None
        self.result: str | None = None
        self.known_ids: set[str] = set()
        world.tasks.append(self)

    def __repr__(self) -> str:
        return f"<task {self.index} {self.state} inputs {self.inputs} {self.on_lost} {self.on_clear}>"

    @property
    def record(self) -> dict[str, Any] | None:
        """The record as Airflow's UI shows it."""
        text = self.store.entries.get(RECORD_KEY)
        return None if text is None else json.loads(text)

    def has_known(self, training: Training) -> bool:
        """Whether the id has ever reached the record."""
        self._note_known()
        return training.training_id in self.known_ids

    def _note_known(self) -> None:
        if self.record and self.record["training_id"]:
            self.known_ids.add(self.record["training_id"])

    def operator(self) -> DreamboothFineTuneOperator:
        operator = DreamboothFineTuneOperator(
            task_id="train",
            instance_prompt=f"photo of zwx fox {self.inputs}",
            class_prompt="photo of fox",
            images=[f"https://pictures.example/{number}.png" for number in range(7)],
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

    def start(self, *, dies_at: int | None = None) -> None:
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

    def resume(self, event: dict[str, Any], *, dies_at: int | None = None) -> None:
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

    def _run(self, method: str, arguments: dict[str, Any], dies_at: int | None) -> None:
        from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

        assert not self.running
        self.state, self.running, self.error, self.result = "running", True, None, None
        context: Any = {"ti": self.ti, "task_state_store": self.store, "outlet_events": {}}
        try:
            with self.world.mortal(dies_at):
                self.result = getattr(self.operator(), method)(context, **arguments)
            self.state = "success"
        except TaskDeferred as deferral:
            self.state, self.trigger, self.method = "deferred", deferral.trigger, deferral.method_name
        except AirflowFailException as error:
            self.state, self.error = "failed", error
        except (DreamboothError, WorkerDied) as error:
            self.error = error
            self.state = "up_for_retry" if self.ti.try_number <= self.ti.max_tries else "failed"
        finally:
            self.running = False
            self._note_known()
        if self.state == "success":
            training = self.world.find(str(self.result))
            assert training is not None
            assert training.owner is self, f"{self} returned {training} of another task"
            assert training.inputs == self.inputs_of_try, f"{self} returned {training} of other inputs"
        if self.state == "deferred" and self.waits_for is not None:
            assert self.ti.xcoms["training_id"] == self.waits_for.training_id

    @property
    def waits_for(self) -> Training | None:
        """The training of the trigger that the task is deferred to."""
        training_id = getattr(self.trigger, "training_id", None)
        return self.world.find(training_id) if self.state == "deferred" and training_id else None

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
        if training.vanished:
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
            self.world.cancel(training, self, "marked failed")

    def hand_over(self, training: Training) -> None:
        """Put the id of a lost training into the record, as the error says."""
        record = self.record
        assert record is not None
        self.store.entries[RECORD_KEY] = json.dumps({**record, "training_id": training.training_id})

    def delete_record(self) -> None:
        """Delete the record, as the error says: that asks for a new training."""
        self.store.entries.pop(RECORD_KEY, None)
        self.record_deleted = True


@contextlib.contextmanager
def inhabited(world: World, *, silent: bool = False) -> Iterator[World]:
    """Put the operator into the world: its clock and Airflow's Variables.

    :param silent: without the task's log, whose writing takes most of the time.
    """
    nothing = logging.getLogger("dreambooth.silent")
    nothing.setLevel(logging.CRITICAL + 1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(fine_tune, "time", world))
        # The digest is slow on purpose.
        stack.enter_context(mock.patch.object(key_digest, "ROUNDS", 1))
        stack.enter_context(mock.patch.object(variables, "accessor", return_value=world.variables))
        if silent:
            stack.enter_context(mock.patch.object(DreamboothFineTuneOperator, "log", nothing))
        yield world
