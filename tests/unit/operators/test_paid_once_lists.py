# SPDX-License-Identifier: Apache-2.0
"""Random lives over what the service says late: its list, rows without an id, a status that lags behind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.operators.paid_world import Moment, World
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

TASKS = st.integers(0, 1)
LISTS = st.sampled_from(["known", "names late", "names late", "shows only what is ready", "not known"])


class PaidOnceByALateService(Lives):
    """Two tasks of an account whose list of models may show a training late, without an id, or only when it is ready."""

    @initialize(
        policies=st.lists(POLICIES, min_size=2, max_size=2), kind=LISTS, rows_are_objects=st.booleans()
    )
    def begin(self, policies: list[dict[str, Any]], kind: str, rows_are_objects: bool) -> None:
        world = World("production")
        world.list_shows_running = kind != "shows only what is ready"
        world.rows_get_an_id_after = 90.0 if kind == "names late" else 0.0
        world.rows_are_objects = rows_are_objects
        if kind in ("known", "names late"):
            world.let_the_list_be_known()
        self.inhabit(world, *policies)

    @rule(
        number=TASKS,
        answer=st.sampled_from(
            ["lost, accepted", "lost, accepted", "lost, accepted late", "lost, not accepted"]
        ),
        listing=st.lists(st.sampled_from(["ok", "error", "queue full"]), max_size=2),
        ends=st.booleans(),
        pause=st.sampled_from([0, 40, 90]),
    )
    def an_answer_is_lost(self, number: int, answer: str, listing: list[str], ends: bool, pause: int) -> None:
        task = self.tasks[number]
        task.inputs = 3 - task.inputs
        # The first list is asked before the request.
        self.run(task, create=[answer], list=["ok", *listing])
        self.world.now += pause
        if ends and task.paid and not task.paid[-1].ended:
            task.paid[-1].stage = "model_ready"
        if task.state in ("up_for_retry", "failed"):
            self.run(task)

    @rule(number=TASKS, after=st.integers(1, 9), cleared=st.booleans(), late=st.booleans())
    def a_worker_dies_and_the_service_lags(self, number: int, after: int, cleared: bool, late: bool) -> None:
        task = self.tasks[number]
        task.inputs = 3 - task.inputs
        self.run(task, dies_at=Moment(after, "request accepted"))
        self.world.now += 100 if late else 0
        if cleared and task.state == "up_for_retry":
            task.state = "failed"
        self.run(task, status=["lags"])

    @rule(number=TASKS)
    def a_training_ends(self, number: int) -> None:
        training = self.tasks[number].waits_for
        if training is not None:
            training.stage = "model_ready"
            event = self.tasks[number].next_event()
            assert event is not None
            self.tasks[number].resume(event)

    @rule(number=TASKS)
    def somebody_clears(self, number: int) -> None:
        self.run(self.tasks[number])

    @rule(seconds=st.sampled_from([10, 60, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds


test_paid_once_by_a_late_service = lived(PaidOnceByALateService, times=40, steps=8)
