# SPDX-License-Identifier: Apache-2.0
"""Random lives under a cap: never more trainings in 24 hours than the connection allows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.operators.paid_world import Moment, World
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

TASKS = st.integers(0, 3)
#: Key and host: the first, by another name of the host, with a renewed key, and two other accounts.
CONNECTIONS = st.sampled_from(
    [
        ("key-one-of-account-A", "service"),
        ("key-one-of-account-A", "gateway"),
        ("key-two-of-account-A", "service"),
        ("key-of-account-B", "service"),
        ("key-one-of-account-A", "elsewhere"),
    ]
)


class PaidWithinTheCap(Lives):
    """Four tasks of one account that is capped."""

    @initialize(
        environment=st.sampled_from(["production", "sandbox"]),
        cap=st.sampled_from([1, 1, 2, 3]),
        policies=st.lists(POLICIES, min_size=4, max_size=4),
    )
    def begin(self, environment: str, cap: int, policies: list[dict[str, Any]]) -> None:
        world = World(environment)
        world.cap = cap
        world.let_the_list_be_known()
        self.inhabit(world, *policies)

    @rule(
        number=TASKS,
        answer=st.sampled_from(["ok", "ok", "lost, accepted", "lost, not accepted", "no credits"]),
        other=TASKS,
        after=st.sampled_from(["variables listed", "variable to be written", "state to be written"]),
    )
    def two_tasks_run_at_once(self, number: int, answer: str, other: int, after: str) -> None:
        task = self.tasks[number]
        if task.state == "deferred":
            task.inputs = 3 - task.inputs

        def run_the_other() -> None:
            sibling = self.task(other, "none", "up_for_retry")
            if sibling is not None:
                sibling.start()

        self.world.aside(Moment(0, after), run_the_other)
        self.run(task, create=[answer])

    @rule(number=TASKS, dies_at=st.builds(Moment, st.integers(0, 3), st.just("request to be sent")))
    def a_worker_dies(self, number: int, dies_at: Moment) -> None:
        self.run(self.tasks[number], dies_at=dies_at)

    @rule(connection=CONNECTIONS)
    def the_connection_changes(self, connection: tuple[str, str]) -> None:
        self.world.key, self.world.host = connection

    @rule(number=TASKS)
    def a_training_ends(self, number: int) -> None:
        training = self.tasks[number].waits_for
        if training is not None and self.world.reaches(training):
            training.stage = "training_failed"
            event = self.tasks[number].next_event()
            assert event is not None
            self.tasks[number].resume(event)

    @rule(seconds=st.sampled_from([60, 3600, 12 * 3600, 24 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds


test_paid_within_the_cap = lived(PaidWithinTheCap, times=60, steps=12)
