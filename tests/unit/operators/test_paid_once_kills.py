# SPDX-License-Identifier: Apache-2.0
"""Random lives in which waits are killed: only a person who marks a task failed has its training cancelled."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.operators.paid_world import World
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

TASKS = st.integers(0, 1)


class CancelledByAPersonAlone(Lives):
    """Two waiting tasks, and everything that calls ``on_kill``."""

    @initialize(policies=st.lists(POLICIES, min_size=2, max_size=2))
    def begin(self, policies: list[dict[str, Any]]) -> None:
        world = World("production")
        world.let_the_list_be_known()
        self.inhabit(world, *policies)

    @rule(number=TASKS, known=st.booleans())
    def another_task_fails_in_a_dag_with_fail_fast(self, number: int, known: bool) -> None:
        task = self.with_a_training(number)
        if task.waits_for is not None:
            task.fail_by_airflow(failed_elsewhere=True if known else None)

    @rule(number=TASKS)
    def a_process_stands_still(self, number: int) -> None:
        task = self.with_a_training(number)
        if task.waits_for is not None:
            task.fail_by_airflow(stalled=True)

    @rule(number=TASKS)
    def the_deadline_is_over(self, number: int) -> None:
        task = self.with_a_training(number)
        if task.waits_for is not None:
            self.world.now = max(self.world.now, task.trigger.end_time)
            task.fail_by_airflow()

    @rule(number=TASKS, known=st.booleans())
    def a_newer_try_has_failed(self, number: int, known: bool) -> None:
        task = self.with_a_training(number)
        if task.waits_for is not None:
            task.fail_by_airflow(same_try=False if known else None)

    @rule(number=TASKS, state=st.sampled_from(["failed", "success"]))
    def somebody_marks(self, number: int, state: str) -> None:
        task = self.with_a_training(number)
        if task.state == "deferred":
            task.mark(state)

    @rule(number=TASKS)
    def the_trigger_moves_to_another_triggerer(self, number: int) -> None:
        task = self.with_a_training(number)
        if task.waits_for is not None:
            task.kill_is_called(task.trigger, stalled=False)

    @rule(number=TASKS)
    def the_wait_times_out(self, number: int) -> None:
        task = self.with_a_training(number)
        if task.waits_for is not None:
            self.world.now = max(self.world.now, task.trigger.end_time)
            event = task.next_event()
            assert event is not None
            task.resume(event)

    @rule(number=TASKS)
    def somebody_clears(self, number: int) -> None:
        self.run(self.tasks[number])


test_cancelled_by_a_person_alone = lived(CancelledByAPersonAlone, times=30, steps=10)
