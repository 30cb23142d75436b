# SPDX-License-Identifier: Apache-2.0
"""Random lives with stores of Airflow that fail to read or to write: an id once told is found again."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.operators.paid_world import Moment, World
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

#: At which step, which store, for how many seconds.
OUTAGES = st.sampled_from(
    [
        ("request accepted", "state", 200.0),
        ("request accepted", "state writes", 200.0),
        ("request accepted", "state", 1000.0),
        ("request accepted", "state writes", 1000.0),
        ("request accepted", "state writes", 1000.0),
        ("request accepted", "state reads", 1000.0),
        ("request accepted", "variables", 1000.0),
        ("request to be sent", "state", 20.0),
        ("request to be sent", "variables", 200.0),
        ("state written", "state", 20.0),
        ("state written", "state reads", 200.0),
    ]
)


class PaidOnceWithFailingStores(Lives):
    """Two tasks, of which the second does what makes the first one's registry matter."""

    @initialize(
        environment=st.sampled_from(["production", "sandbox", "sandbox"]),
        policies=st.lists(POLICIES, min_size=2, max_size=2),
    )
    def begin(self, environment: str, policies: list[dict[str, Any]]) -> None:
        world = World(environment)
        world.let_the_list_be_known()
        self.inhabit(world, *policies)

    @rule(number=st.integers(0, 1), outage=OUTAGES)
    def an_id_cannot_be_stored(self, number: int, outage: tuple[str, str, float]) -> None:
        task = self.tasks[number]
        task.inputs = 3 - task.inputs
        self.world.outage(*outage)
        self.run(task)
        self.world.now += 1000
        if task.state in ("up_for_retry", "failed"):
            self.run(task)

    @rule(number=st.integers(0, 1), count=st.integers(1, 6))
    def the_record_cannot_be_read_for_a_moment(self, number: int, count: int) -> None:
        self.a_store_fails("state read", number, count)

    @rule(
        number=st.integers(0, 1),
        step=st.sampled_from(["state to be written", "variable read", "variables listed"]),
        count=st.integers(1, 4),
    )
    def another_store_fails_for_a_moment(self, number: int, step: str, count: int) -> None:
        self.a_store_fails(step, number, count)

    def a_store_fails(self, step: str, number: int, count: int) -> None:
        task = self.with_a_training(number)
        self.world.failures(step, count)
        self.run(task)
        if task.state in ("up_for_retry", "failed"):
            self.run(task)

    @rule(
        number=st.integers(0, 1),
        step=st.sampled_from(
            ["state read", "state to be written", "variable to be written", "variable read"]
        ),
        after=st.integers(0, 2),
        dies_after=st.integers(0, 12),
    )
    def a_worker_dies_in_an_outage(self, number: int, step: str, after: int, dies_after: int) -> None:
        task = self.tasks[number]
        task.inputs = 3 - task.inputs
        self.world.aside(Moment(after, "state read"), lambda: self.world.failures(step, 2))
        self.run(task, dies_at=Moment(dies_after, "request to be sent"))
        self.world.now += 130
        if task.state in ("up_for_retry", "failed"):
            self.run(task)

    @rule(number=st.integers(0, 1))
    def somebody_clears(self, number: int) -> None:
        self.run(self.tasks[number])


test_paid_once_with_failing_stores = lived(PaidOnceWithFailingStores, times=40, steps=8)
