# SPDX-License-Identifier: Apache-2.0
"""Random lives in which two tries of one task are alive: a frozen worker wakes up while another is running."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.operators.paid_world import Moment, World
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

#: Each line between the decision and the request, and those after it.
LINES = st.builds(
    Moment,
    st.integers(0, 2),
    st.sampled_from(
        [
            "list asked",
            "status asked",
            "variables listed",
            "variable to be written",
            "variable written",
            "state read",
            "state to be written",
            "state written",
            "request accepted",
        ]
    ),
)
#: Those at which a try that finds its training has read the record and not written it yet.
FINDING_LINES = st.sampled_from(
    [Moment(0, "status asked"), Moment(1, "status asked"), Moment(2, "state read")]
)
#: Airflow itself starts another try after minutes; a person who clears the task does it in seconds.
STALLS = st.sampled_from([5.0, 600.0])


class PaidOnceByTwoTries(Lives):
    """One task whose worker stands still."""

    @initialize(environment=st.sampled_from(["production", "sandbox"]), policy=POLICIES, known=st.booleans())
    def begin(self, environment: str, policy: dict[str, Any], known: bool) -> None:
        world = World(environment)
        if known:
            world.let_the_list_be_known()
        self.inhabit(world, policy)

    @rule(line=LINES, seconds=STALLS, changed=st.booleans())
    def a_worker_stands_still(self, line: Moment, seconds: float, changed: bool) -> None:
        task = self.tasks[0]
        if changed:
            task.inputs = 3 - task.inputs
        self.world.aside(line, lambda: task.stand_still(seconds))
        self.run(task)

    @rule(line=LINES, seconds=STALLS, cleared=st.booleans())
    def the_inputs_are_taken_back_while_it_stands_still(
        self, line: Moment, seconds: float, cleared: bool
    ) -> None:
        task = self.with_a_training(0)
        task.inputs = 3 - task.inputs
        if not cleared and task.state == "deferred":
            # The triggerer was lost, and Airflow tries again: no clear sets the tries apart.
            task.trigger, task.state = None, "up_for_retry"

        def take_back() -> None:
            task.inputs = 3 - task.inputs
            task.stand_still(seconds, cleared=cleared)

        self.world.aside(line, take_back)
        self.run(task)

    @rule(line=LINES | FINDING_LINES | FINDING_LINES, seconds=STALLS)
    def the_inputs_change_while_it_stands_still(self, line: Moment, seconds: float) -> None:
        task = self.with_a_training(0)

        def change() -> None:
            task.inputs = 3 - task.inputs
            task.stand_still(seconds, cleared=True)

        self.world.aside(line, change)
        self.run(task)

    @rule()
    def somebody_clears(self) -> None:
        self.run(self.tasks[0])

    @rule(end=st.sampled_from(["model_ready", "training_failed"]))
    def the_training_ends(self, end: str) -> None:
        training = self.tasks[0].waits_for
        if training is not None:
            training.stage = end
            event = self.tasks[0].next_event()
            assert event is not None
            self.tasks[0].resume(event)


test_paid_once_by_two_tries = lived(PaidOnceByTwoTries, times=80, steps=8)
