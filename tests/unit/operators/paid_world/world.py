# SPDX-License-Identifier: Apache-2.0
"""The service with its trainings, and where the connection leads."""

from __future__ import annotations

from collections import deque
from typing import Any

from airflow_provider_dreambooth.training.list_evidence import ListEvidence
from tests.unit.operators.paid_world.steps import Steps
from tests.unit.operators.paid_world.stores import StepVariables
from tests.unit.operators.paid_world.training import HOSTS, KEYS, Training
from tests.unit.task_surroundings import MemoryVariables


class World(Steps):
    """
    Everything around the tasks.

    :param environment: the connection's.
    """

    def __init__(self, environment: str = "production") -> None:
        super().__init__()
        self.environment = environment
        self.trainings: list[Training] = []
        self.answers: dict[str, deque[str]] = {
            "create": deque(),
            "status": deque(),
            "list": deque(),
            "cancel": deque(),
        }
        self.variables = StepVariables(self)
        self.key, self.host = next(iter(KEYS)), next(iter(HOSTS))
        self.cap: int | None = None
        #: Rows of the list name no id while the training is younger than this.
        self.rows_get_an_id_after = 0.0
        self.rows_are_objects = False
        self.list_shows_running = True

    def let_the_list_be_known(self) -> None:
        """Let it have been seen before that the account's list shows trainings while they are running."""
        known = MemoryVariables(self.variables.values)
        ListEvidence(known, f"{self.host} {self.environment}").keep(shows_running=True, now=self.now)

    def will_answer(self, **answers: list[str]) -> None:
        """Let the service answer so in the next run; what is left of earlier plans is dropped."""
        for call, queue in self.answers.items():
            queue.clear()
            queue.extend(answers.get(call, ()))

    def answer(self, call: str) -> str:
        return self.answers[call].popleft() if self.answers[call] else "ok"

    def find(self, training_id: str) -> Training | None:
        return next((item for item in self.trainings if item.training_id == training_id), None)

    def reaches(self, training: Training) -> bool:
        """Whether the present connection leads to the account that has the training."""
        return KEYS[training.key] == KEYS[self.key] and HOSTS[training.host] == HOSTS[self.host]

    def another_account(self) -> str:
        """Return a key of an account that the connection does not lead to."""
        return next(key for key, account in KEYS.items() if account != KEYS[self.key])

    def start_by_hand(self) -> None:
        """Somebody else uses the account, without this Airflow."""
        self.accept(None, 99)

    def accept(self, owner: Any, inputs: int, clears: int = 0) -> Training:
        """Take a training on."""
        training = Training(
            f"T{len(self.trainings) + 1}",
            owner,
            inputs,
            self.now,
            key=self.key,
            host=self.host,
            clears_before=clears,
        )
        self.trainings.append(training)
        return training

    def judge_the_cap(self) -> None:
        """Refuse a training beyond what the connection allows in 24 hours."""
        of_today = [
            training
            for training in self.trainings
            if training.owner is not None
            and self.now - training.accepted_at < 24 * 3600
            and (training.key == self.key or training.host == self.host)
            and self.reaches(training)
        ]
        assert self.cap is None or len(of_today) < self.cap, f"the cap of {self.cap} is exceeded"
