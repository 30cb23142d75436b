# SPDX-License-Identifier: Apache-2.0
"""Random lives in which the connection leads elsewhere: another host, a renewed key, another account's key."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.operators.paid_world import HOSTS, KEYS, Moment, World
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

TASKS = st.integers(0, 1)


class PaidOnceByEachAccount(Lives):
    """Two tasks of a connection that people edit, and accounts that others use as well."""

    @initialize(policies=st.lists(POLICIES, min_size=2, max_size=2), known=st.booleans())
    def begin(self, policies: list[dict[str, Any]], known: bool) -> None:
        world = World("production")
        if known:
            world.let_the_list_be_known()
        self.inhabit(world, *policies)

    @rule(number=TASKS, host=st.sampled_from(list(HOSTS)), cleared=st.booleans())
    def the_connection_moves(self, number: int, host: str, cleared: bool) -> None:
        task, before = self.with_a_training(number), self.world.host
        self.world.host = host
        if not cleared and task.state == "deferred":
            # The triggerer was lost, and Airflow tries again.
            task.trigger, task.state = None, "up_for_retry"
        self.run(task)
        self.world.host = before

    @rule(
        number=TASKS,
        after=st.sampled_from(["request to be sent", "request accepted"]),
        key=st.sampled_from(list(KEYS)),
        by_hand=st.booleans(),
    )
    def the_key_changes_after_a_lost_answer(self, number: int, after: str, key: str, by_hand: bool) -> None:
        task, before = self.with_a_training(number), self.world.key
        task.inputs = 3 - task.inputs
        self.run(task, dies_at=Moment(0, after))
        self.world.key = key
        if by_hand:
            self.world.start_by_hand()
        self.world.now += 130
        self.run(task)
        self.world.key = before

    @rule(number=TASKS, key=st.sampled_from(list(KEYS)))
    def the_key_and_the_inputs_change(self, number: int, key: str) -> None:
        task, before = self.with_a_training(number), self.world.key
        self.world.key = key
        task.inputs = 3 - task.inputs
        self.run(task)
        self.world.key = before

    @rule(
        number=TASKS,
        then=st.sampled_from(["changed inputs", "marked failed", "timeout", "timeout", "cleared"]),
    )
    def somebody_trains_by_hand_while_an_answer_is_lost(self, number: int, then: str) -> None:
        """That training is adopted, and must not be cancelled whatever happens then."""
        task = self.tasks[number]
        task.inputs = 3 - task.inputs
        self.world.aside(Moment(0, "request to be sent"), self.world.start_by_hand)
        self.run(task, create=["lost, not accepted"])
        if then == "changed inputs":
            task.inputs = 3 - task.inputs
            self.run(task)
        elif then == "cleared":
            self.run(task)
        elif task.waits_for is not None and then == "marked failed":
            task.mark("failed")
        elif task.waits_for is not None:
            self.world.now = task.trigger.end_time
            event = task.next_event()
            assert event is not None
            task.resume(event)

    @rule()
    def somebody_trains_by_hand(self) -> None:
        self.world.start_by_hand()

    @rule(seconds=st.sampled_from([1, 31, 7 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds


test_paid_once_by_each_account = lived(PaidOnceByEachAccount, times=80, steps=10)
