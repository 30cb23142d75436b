# SPDX-License-Identifier: Apache-2.0
"""What a task has really paid, and the judgement of each payment, each cancel and each result."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothLostSubmissionError, DreamboothNotFoundError
from airflow_provider_dreambooth.training.record import RECORD_KEY
from tests.unit.operators.paid_world.stores import StepStore
from tests.unit.operators.paid_world.training import HOSTS, KEYS, Training
from tests.unit.operators.paid_world.world import World

#: Outages that are shorter lose no id.
SHORT_OUTAGE = 250.0


class Payer:
    """
    One task instance, as the contract's table sees it. It shares nothing with the code that decides.

    :param on_lost: policy for a lost answer.
    :param on_clear: policy for a clear.
    """

    def __init__(
        self, world: World, index: int, *, on_lost: str, on_clear: str, cancel_on_timeout: bool
    ) -> None:
        self.world, self.index = world, index
        self.on_lost, self.on_clear, self.cancel_on_timeout = on_lost, on_clear, cancel_on_timeout
        self.store = StepStore(world)
        self.inputs = self.inputs_of_try = 1
        self.state = "none"
        self.trigger: Any = None
        self.paid: list[Training] = []
        #: One that was started by hand and taken for the lost one.
        self.taken: Training | None = None
        self.taken_at = 0.0
        #: The one that was to be replaced, when the inputs were taken back after a lost answer.
        self.put_back: Training | None = None
        #: Key and host of the last request.
        self.sent_with = (world.key, world.host)
        #: The training of this try, when the service's answer arrived.
        self.answered: Training | None = None
        #: Ids in the registry when this try began.
        self.registered = ""
        #: In this try the service did not know a training that it had accepted a moment ago.
        self.lagged = False
        #: One that could not be found after a clear, so that a try was to pay for another.
        self.given_up: Training | None = None
        #: Counts the tries: one that stood still finds that another has begun.
        self.generation = 0
        self.clears = 0
        self.marked_failed = False
        self.record_deleted = False
        self.resuming: str | None = None
        self.error: BaseException | None = None
        self.result: str | None = None
        self.known_ids: set[str] = set()

    def __repr__(self) -> str:
        return f"<task {self.index} {self.state} inputs {self.inputs} {self.on_lost} {self.on_clear}>"

    @property
    def record(self) -> dict[str, Any] | None:
        """The record as Airflow's UI shows it."""
        text = self.store.entries.get(RECORD_KEY)
        return None if text is None else json.loads(text)

    @property
    def latest(self) -> Training | None:
        """The training that the task has at last paid for or taken, or to which it has gone back."""
        own = self.put_back or (self.paid[-1] if self.paid else None)
        if self.taken is None or (own is not None and own.accepted_at > self.taken_at):
            return own
        return self.taken

    @property
    def waits_for(self) -> Training | None:
        """The training of the trigger that the task is deferred to."""
        training_id = getattr(self.trigger, "training_id", None)
        return self.world.find(training_id) if self.state == "deferred" and training_id else None

    def has_known(self, training: Training) -> bool:
        """Whether the id has ever reached the record."""
        self.note_known()
        return training.training_id in self.known_ids

    def note_known(self) -> None:
        """Look which id the record names, and whether it may."""
        if self.record and self.record.get("earlier"):
            self.known_ids.add(self.record["earlier"]["training_id"])
        if not self.record or not self.record["training_id"]:
            return
        self.known_ids.add(self.record["training_id"])
        training = self.world.find(self.record["training_id"])
        if training is not None and training.owner is None and training is not self.taken:
            key, host = self.sent_with
            assert (KEYS[training.key], HOSTS[training.host]) == (KEYS[key], HOSTS[host]), (
                f"{self} took {training}, but its own request went to another account"
            )
            self.taken, self.taken_at = training, self.world.now
            training.clears_before = self.clears
        if training is not None:
            since = self.taken_at if training is self.taken else training.accepted_at
            later = [other for other in self.paid if other is not training and other.accepted_at >= since]
            lost = all(other.training_id not in self.known_ids for other in later)
            self.put_back = training if later and lost else None

    def pay(self, inputs: int, generation: int) -> Training:
        """
        Pay for a training, after judging whether it may be paid at all.

        :param generation: the try that pays.
        """
        self.world.judge_the_cap()
        before = self.latest
        if before is not None:
            retrain = self.on_clear == "retrain" and self.clears > before.clears_before
            cleared = self.clears > before.clears_before
            reasons = {
                "the inputs changed": before.inputs != inputs,
                "cleared with retrain": retrain,
                "it failed": before.stage == "training_failed" and (not before.permanent or cleared),
                "it was cancelled by this task": before.cancelled_by_us,
                "it was cancelled and the task cleared": before.stage == "training_cancelled" and cleared,
                "it is gone and the task cleared": (before.vanished or not self.world.reaches(before))
                and cleared,
                "resubmit asks for it": self.on_lost == "resubmit"
                and not self.has_known(before)
                and f'"{before.training_id}"' not in self.registered,
                "resubmit asks for what was to replace it": self.on_lost == "resubmit"
                and before is self.given_up,
                "a person deleted the record": self.record_deleted,
            }
            assert any(reasons.values()), f"paid twice: {before} and again by {self}"
        newer_has_one = generation != self.generation and (self.waits_for or self.state == "success")
        assert not newer_has_one, f"an older try of {self} pays although a newer one has its training"
        self.record_deleted, self.put_back = False, None
        training = self.world.accept(self, inputs, self.clears)
        self.paid.append(training)
        return training

    def cancel(self, training: Training, why: str) -> None:
        """Cancel, after judging whether anybody still waits for it."""
        assert training.owner is self, f"{self} cancelled {training} of another task"
        assert training.told, f"{self} cancelled {training}, whose id was only inferred"
        assert self.waits_for is not training, f"{training} is waited for"
        self.note_known()
        new = self.latest
        assert new is not None
        allowed = {
            # Only when the one that replaces it is accepted, and with the key that it was started with.
            "replaced": training is not new
            and training.key == self.world.key
            and (training.inputs != new.inputs or self.on_clear == "retrain"),
            "timeout": self.cancel_on_timeout,
            "marked failed": self.marked_failed,
        }
        assert allowed[why], f"{self} cancelled {training}: {why}"
        if not training.ended:
            training.stage = "training_cancelled"
            training.cancelled_by_us = True

    def note_given_up(self) -> None:
        """Remember a training that this try could not find, and that a clear allows to replace."""
        before = self.latest
        if before is not None and self.clears > before.clears_before and not self.world.reaches(before):
            self.given_up = before

    def in_registry(self) -> str:
        """Return all entries of the registry."""
        return "\n".join(self.world.variables.values.values())

    def judge_the_try(self) -> None:
        """Judge how a try has ended that did not die."""
        self._judge_what_is_known()
        assert not (
            self.lagged and self.state == "failed" and isinstance(self.error, DreamboothNotFoundError)
        ), f"{self} takes a service that lags for one that has lost the training"

    def _judge_what_is_known(self) -> None:
        """An id that the service has told is not lost while one of Airflow's stores answers within minutes."""
        outages = self.world.outages
        in_registry = self.in_registry()
        if self.answered is not None:
            name = self.answered.training_id
            left = {what: until - self.answered.accepted_at for what, until in outages.items()}
            if max(left["state"], left["state reads"], left["state writes"]) < SHORT_OUTAGE:
                assert name in self.known_ids, f"{self} does not know {name}"
            elif left["variables"] < SHORT_OUTAGE:
                assert f'"{name}"' in in_registry, f"{name} is nowhere"
            else:
                assert name in str(self.error), f"the error does not name {name}"
        elif isinstance(self.error, DreamboothLostSubmissionError):
            lost = [item.training_id for item in self.paid[-1:] if not self.has_known(item)]
            assert not any(f'"{name}"' in self.registered for name in lost), "it is in the registry"

    def judge_the_result(self) -> None:
        """Judge which training a task has returned."""
        training = self.world.find(str(self.result))
        assert training is not None
        if training.owner is not None:
            assert training.owner is self, f"{self} returned {training} of another task"
            assert training.inputs == self.inputs_of_try, f"{self} returned {training} of other inputs"
