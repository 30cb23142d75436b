# SPDX-License-Identifier: Apache-2.0
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
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, FineTuneStatus, Model
from airflow_provider_dreambooth.api.stages import outcome_of
from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.images import reading
from airflow_provider_dreambooth.images.links import LinkCheck
from airflow_provider_dreambooth.operators import training as training_operator
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
    #: ``None`` for one that somebody started by hand.
    owner: Task | None
    inputs: int
    accepted_at: float
    key: str = "key-one-of-account-A"
    host: str = "service"
    stage: str = "training_started"
    permanent: bool = False
    vanished: bool = False
    #: Cancelled through the provider, as opposed to by somebody at the service.
    cancelled_by_us: bool = False
    clears_before: int = 0

    @property
    def ended(self) -> bool:
        return self.stage != "training_started"


#: Keys of two accounts: the first has renewed its key.
KEYS = {"key-one-of-account-A": "A", "key-two-of-account-A": "A", "key-of-account-B": "B"}
#: Host names: two lead to the same service.
HOSTS = {"service": "hosted", "gateway": "hosted", "elsewhere": "another service"}
#: Outages that are shorter lose no id.
SHORT_OUTAGE = 250.0


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
        self.key, self.host = next(iter(KEYS)), next(iter(HOSTS))
        self.cap: int | None = None
        #: Rows of the list name no id while the training is younger than this.
        self.rows_get_an_id_after = 0.0
        self.rows_are_objects = False
        #: Until when the stores of Airflow do not answer.
        self.outages = {"state": 0.0, "state writes": 0.0, "variables": 0.0}
        self._next_outage: tuple[str, str, float] | None = None
        self.list_shows_running = True
        self._dies_in: list[int | None] = [None]
        self._aside: tuple[int, Callable[[], None]] | None = None

    def let_the_list_be_known(self) -> None:
        """Let it have been seen before that the account's list shows trainings while they are running."""
        known = MemoryVariables(self.variables.values)
        ListEvidence(known, f"{self.host} {self.environment}").keep(shows_running=True, now=self.now)

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
        if self._next_outage is not None and self._next_outage[0] == name:
            _, what, seconds = self._next_outage
            self._next_outage = None
            self.outages[what] = self.now + seconds
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
        self._aside = self._next_outage = None

    def outage(self, at: str, what: str, seconds: float) -> None:
        """Let a store of Airflow stop to answer at the next step of that name."""
        self._next_outage = (at, what, seconds)

    def is_out(self, *names: str) -> bool:
        return any(self.now < self.outages[name] for name in names)

    # The service

    def answer(self, call: str) -> str:
        return self.answers[call].popleft() if self.answers[call] else "ok"

    def find(self, training_id: str) -> Training | None:
        return next((item for item in self.trainings if item.training_id == training_id), None)

    def reaches(self, training: Training) -> bool:
        """Whether the present connection leads to the account that has the training."""
        return KEYS[training.key] == KEYS[self.key] and HOSTS[training.host] == HOSTS[self.host]

    def start_by_hand(self) -> None:
        """Somebody else uses the account, without this Airflow."""
        self._accept(None, 99)

    def _accept(self, task: Task | None, inputs: int) -> Training:
        training = Training(
            f"T{len(self.trainings) + 1}",
            task,
            inputs,
            self.now,
            key=self.key,
            host=self.host,
            clears_before=task.clears if task is not None else 0,
        )
        self.trainings.append(training)
        return training

    def _judge_the_cap(self) -> None:
        of_today = [
            training
            for training in self.trainings
            if training.owner is not None
            and self.now - training.accepted_at < 24 * 3600
            and (training.key == self.key or training.host == self.host)
            and self.reaches(training)
        ]
        assert self.cap is None or len(of_today) < self.cap, f"the cap of {self.cap} is exceeded"

    def pay(self, task: Task, inputs: int) -> Training:
        """Take a training on, after judging whether it may be paid at all."""
        self._judge_the_cap()
        before = task.latest
        if before is not None:
            reasons = {
                "the inputs changed": before.inputs != inputs,
                "cleared with retrain": task.on_clear == "retrain" and task.clears > before.clears_before,
                "it failed": before.stage == "training_failed"
                and (not before.permanent or task.clears > before.clears_before),
                "it was cancelled by this task": before.cancelled_by_us,
                "it was cancelled and the task cleared": before.stage == "training_cancelled"
                and task.clears > before.clears_before,
                "it is gone and the task cleared": (before.vanished or not self.reaches(before))
                and task.clears > before.clears_before,
                "resubmit asks for it": task.on_lost == "resubmit" and not task.has_known(before),
                "a person deleted the record": task.record_deleted,
            }
            assert any(reasons.values()), f"paid twice: {before} and again by {task}"
        task.record_deleted = False
        training = self._accept(task, inputs)
        task.paid.append(training)
        return training

    def cancel(self, training: Training, by: Task, why: str) -> None:
        """Cancel, after judging whether anybody still waits for it."""
        assert training.owner is by, f"{by} cancelled {training} of another task"
        waiting = by.state == "deferred" and by.trigger is not None
        assert not (waiting and getattr(by.trigger, "training_id", "") == training.training_id), "waited for"
        allowed = {
            # Only when the one that replaces it is accepted.
            "replaced": training is not by.paid[-1]
            and (training.inputs != by.paid[-1].inputs or by.on_clear == "retrain"),
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

    def _answer(self) -> None:
        if self.world.is_out("variables"):
            raise DreamboothTransientError("Airflow's Variables do not answer")

    def keys(self, prefix: str) -> Iterable[str]:
        self.world.step("variables listed")
        self._answer()
        return super().keys(prefix)

    def get(self, key: str, default: Any) -> Any:
        self.world.step("variable read")
        self._answer()
        return super().get(key, default)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        self.world.step("variable to be written")
        self._answer()
        super().set(key, value, description)
        self.world.step("variable written")

    def delete(self, key: str) -> None:
        self.world.step("variable to be deleted")
        self._answer()
        super().delete(key)


class StepStore(MemoryStateStore):
    """The task state store, each touch a step."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def get(self, key: str, default: Any = None) -> Any:
        self.world.step("state read")
        if self.world.is_out("state"):
            raise RuntimeError("the state store does not answer")
        return super().get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.world.step("state to be written")
        if self.world.is_out("state", "state writes"):
            raise RuntimeError("the state store does not answer")
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
        self.settings = ConnectionSettings(
            world.key,
            f"http://{world.host}",
            world.environment,  # type: ignore[arg-type]
            max_trainings_per_day=world.cap,
        )
        self.environment = Environment(world.environment)
        self.dreambooth_conn_id = "dreambooth_default"
        self.training_api = TrainingApi.V3

    def of_training_api(self, name: str | None) -> ModelHook:
        assert name in (None, "v3")
        return self

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
        if answer == "bad key":
            raise DreamboothAuthError("Invalid API Key")
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
        self.task.answered = training
        return FineTuneStarted(training.training_id, "deploying_gpu", 1500.0)

    def _fault(self, call: str) -> str:
        self.world.step(f"{call} asked")
        answer = self.world.answer(call)
        if answer == "fault":
            raise DreamboothTransientError("HTTP 503", acceptance=Acceptance.UNKNOWN)
        if answer == "queue full":
            raise DreamboothRateLimitError("Rate limit exceeded.", raw="Rate limit exceeded")
        return answer

    def fine_tune_status(self, training_id: str) -> FineTuneStatus:
        answer = self._fault("status")
        training = self.world.find(training_id)
        lags = training is not None and self.world.now - training.accepted_at < 120 and answer == "lags"
        if training is None or training.vanished or lags or not self.world.reaches(training):
            raise DreamboothNotFoundError("Training not found", raw="Training not found")
        return status_of(training)

    def list_models(self) -> tuple[Model, ...]:
        self._fault("list")
        return tuple(
            self._row(item)
            for item in self.world.trainings
            if not item.vanished
            and self.world.reaches(item)
            and self.world.now - item.accepted_at >= LIST_LAG
            and (self.world.list_shows_running or item.stage == "model_ready")
        )

    def _row(self, training: Training) -> Model:
        young = self.world.now - training.accepted_at < self.world.rows_get_an_id_after
        name = None if young else training.training_id
        if not self.world.rows_are_objects:
            return Model(name)
        created_at = datetime.fromtimestamp(training.accepted_at, UTC).isoformat()
        return Model(name, None, created_at, f"photo of zwx fox {training.inputs}")

    def cancel_training(self, training_id: str) -> Acknowledgement:
        self._fault("cancel")
        training = self.world.find(training_id)
        if training is None or training.vanished or not self.world.reaches(training):
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
        #: One that was started by hand and taken for the lost one.
        self.taken: Training | None = None
        #: The training of this try, when the service's answer arrived.
        self.answered: Training | None = None
        #: Counts the tries: one that stood still finds that another has begun.
        self.generation = 0
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

    @property
    def latest(self) -> Training | None:
        """The training that the task has at last paid for or taken."""
        own = self.paid[-1] if self.paid else None
        if self.taken is None or (own is not None and own.accepted_at > self.taken.accepted_at):
            return own
        return self.taken

    def has_known(self, training: Training) -> bool:
        """Whether the id has ever reached the record."""
        self._note_known()
        return training.training_id in self.known_ids

    def _note_known(self) -> None:
        if self.record and self.record["training_id"]:
            self.known_ids.add(self.record["training_id"])
            training = self.world.find(self.record["training_id"])
            if training is not None and training.owner is None and training is not self.taken:
                self.taken = training
                training.clears_before = self.clears

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
        self.answered = None
        self.generation += 1
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
        if generation != self.generation:
            # Airflow listens to the try that it started last.
            self._note_known()
            return
        self.running = False
        self.__dict__.update(outcome)
        self._note_known()
        if not isinstance(self.error, WorkerDied):
            self._judge_what_is_known()
        if self.state == "success":
            training = self.world.find(str(self.result))
            assert training is not None
            if training.owner is not None:
                assert training.owner is self, f"{self} returned {training} of another task"
                assert training.inputs == self.inputs_of_try, f"{self} returned {training} of other inputs"
        if self.state == "deferred" and self.waits_for is not None:
            assert self.ti.xcoms["training_id"] == self.waits_for.training_id

    def _judge_what_is_known(self) -> None:
        """An id that the service has told is not lost while one of Airflow's stores answers within minutes."""
        outages = self.world.outages
        in_registry = "\n".join(self.world.variables.values.values())
        if self.answered is not None:
            name = self.answered.training_id
            left = {what: until - self.answered.accepted_at for what, until in outages.items()}
            if max(left["state"], left["state writes"]) < SHORT_OUTAGE:
                assert name in self.known_ids, f"{self} does not know {name}"
            elif left["variables"] < SHORT_OUTAGE:
                assert f'"{name}"' in in_registry, f"{name} is nowhere"
            else:
                assert name in str(self.error), f"the error does not name {name}"
        elif isinstance(self.error, DreamboothLostSubmissionError):
            lost = [item.training_id for item in self.paid[-1:] if not self.has_known(item)]
            assert not any(f'"{name}"' in in_registry for name in lost), "it is in the registry"

    def stand_still(self) -> None:
        """The worker is frozen in the middle of a step: Airflow starts another try, then it wakes up."""
        if self.world.calls[-1] == "request to be sent" or self.ti.try_number > self.ti.max_tries:
            # Between the last look at the record and the first byte nobody can know.
            return
        resuming, answered, ti = self.resuming, self.answered, self.ti
        self.world.now += 600
        self.ti = copy(ti)
        self.ti.xcoms = {}
        self.running, self.state, self.resuming = False, "up_for_retry", None
        self.start()
        self.resuming, self.answered = resuming, answered

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
            self.world.cancel(training, self, "marked failed")

    def fail_by_airflow(self, **cause: Any) -> None:
        """Airflow itself fails the waiting task, and calls ``on_kill`` as well."""
        assert self.state == "deferred"
        trigger, self.trigger = self.trigger, None
        self.state = "failed"
        training = self.world.find(getattr(trigger, "training_id", None) or "")
        facts = KillFacts(task_state="failed", now=self.world.now, end_time=trigger.end_time, **cause)
        if training is not None and ordered_by_a_person(facts)[0]:
            self.world.cancel(training, self, "marked failed")

    def hand_over(self, training: Training) -> None:
        """Put the id of a lost training into the record, as the error says."""
        record = self.record
        assert record is not None
        self.store.entries[RECORD_KEY] = json.dumps({**record, "training_id": training.training_id})
        self._note_known()

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
        stack.enter_context(mock.patch.object(training_operator, "time", world))
        # The digest is slow on purpose.
        stack.enter_context(mock.patch.object(key_digest, "ROUNDS", 1))
        # No image is looked at: there is no network in this world.
        stack.enter_context(
            mock.patch.object(reading, "check_links", lambda links, **_: [LinkCheck() for _ in links])
        )
        stack.enter_context(mock.patch.object(reading, "may_be_private", return_value=False))
        stack.enter_context(mock.patch.object(variables, "accessor", return_value=world.variables))
        if silent:
            stack.enter_context(mock.patch.object(DreamboothFineTuneOperator, "log", nothing))
        yield world
