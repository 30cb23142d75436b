# SPDX-License-Identifier: Apache-2.0
"""Random lives in which the inputs change: the request for the new training is refused, lost, or never sent."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.operators.paid_world import Moment, World
from tests.unit.operators.paid_world.hook import REFUSALS
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

LOST = st.sampled_from(["lost, accepted", "lost, not accepted"])
#: Around the request: before it is accepted, twice as often, and before its answer is recorded.
DEATHS = st.sampled_from(
    [
        Moment(0, "request to be sent"),
        Moment(0, "request to be sent"),
        Moment(0, "request accepted"),
        Moment(1, "request accepted"),
        Moment(3, "request accepted"),
    ]
)


class PaidOnceThroughChanges(Lives):
    """One task whose inputs change, are taken back, or are trained again by a clear."""

    @initialize(environment=st.sampled_from(["production", "production", "sandbox"]), policy=POLICIES)
    def begin(self, environment: str, policy: dict[str, Any]) -> None:
        world = World(environment)
        world.let_the_list_be_known()
        self.inhabit(world, policy)

    def change(self, **how: Any) -> None:
        task = self.with_a_training(0)
        task.inputs = 3 - task.inputs
        self.run(task, **how)

    def go_on(self, taken_back: bool) -> None:
        task = self.tasks[0]
        if taken_back:
            task.inputs = 3 - task.inputs
        self.world.now += 130
        self.run(task)

    @rule(refusal=st.sampled_from(REFUSALS), taken_back=st.booleans())
    def a_change_is_refused(self, refusal: str, taken_back: bool) -> None:
        self.change(create=[refusal])
        self.go_on(taken_back)

    @rule(answer=LOST, taken_back=st.booleans())
    def the_answer_to_a_change_is_lost(self, answer: str, taken_back: bool) -> None:
        self.change(create=[answer])
        self.go_on(taken_back)

    @rule(dies_at=DEATHS, taken_back=st.booleans())
    def a_worker_dies_over_a_change(self, dies_at: Moment, taken_back: bool) -> None:
        self.change(dies_at=dies_at)
        self.go_on(taken_back)

    @rule()
    def somebody_clears(self) -> None:
        self.run(self.with_a_training(0))

    @rule(end=st.sampled_from(["model_ready", "training_failed", "training_cancelled"]))
    def the_training_ends(self, end: str) -> None:
        training = self.tasks[0].waits_for
        if training is not None:
            training.stage = end
            event = self.tasks[0].next_event()
            assert event is not None
            self.tasks[0].resume(event)


test_paid_once_through_changes = lived(PaidOnceThroughChanges, times=55, steps=10)
