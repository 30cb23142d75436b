# SPDX-License-Identifier: Apache-2.0
"""What all random lives have in common: the world, its tasks, what must hold at each moment, and the end."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from tests.unit.operators.paid_world.inhabited import inhabited
from tests.unit.operators.paid_world.steps import Moment
from tests.unit.operators.paid_world.task import Task
from tests.unit.operators.paid_world.world import World

#: How many random lives to live; without it the same ones each time.
LIVES = os.environ.get("DREAMBOOTH_LIVES")
#: From which seed on.
SEED = int(os.environ.get("DREAMBOOTH_SEED") or (secrets.randbelow(10**9) if LIVES else 0))
#: Lives for each seed. What Hypothesis tries after these is for the most part the same life with a small change.
FRESH = 11

POLICIES = st.fixed_dictionaries(
    {
        "on_lost": st.sampled_from(["fail", "fail", "resubmit"]),
        "on_clear": st.sampled_from(["reuse", "reuse", "retrain"]),
        "cancel_on_timeout": st.booleans(),
    }
)


class Lives(RuleBasedStateMachine):
    """Tasks in a world."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world = World()
        self.tasks: list[Task] = []

    def inhabit(self, world: World, *policies: dict[str, Any]) -> None:
        """Begin with a task for each set of policies."""
        self.world = world
        self.stack.enter_context(inhabited(world, silent=True))
        self.tasks = [Task(world, index, **policy) for index, policy in enumerate(policies)]

    def teardown(self) -> None:
        try:
            # A life that has failed already needs no end.
            if sys.exc_info()[0] is None:
                self.all_is_well_in_the_end()
        finally:
            self.stack.close()

    def task(self, number: int, *states: str) -> Task | None:
        """Return the first task from that number on that is in one of the states."""
        around = [self.tasks[(number + offset) % len(self.tasks)] for offset in range(len(self.tasks))]
        return next((task for task in around if task.state in states and not task.running), None)

    def some(self, *states: str) -> bool:
        return any(task.state in states for task in self.tasks)

    def run(self, task: Task, *, dies_at: int | Moment | None = None, **answers: list[str]) -> None:
        """Run a task's next try, cleared before if it has to be."""
        if task.state not in ("none", "up_for_retry"):
            task.clear()
        self.world.will_answer(**answers)
        task.start(dies_at=dies_at)
        self.world.forget_plans()

    def with_a_training(self, number: int) -> Task:
        """Return that task, with a training if the service lets it have one."""
        task = self.tasks[number]
        if task.waits_for is None and task.state != "success":
            self.run(task)
        return task

    # What must hold

    @invariant()
    def a_waiting_task_waits_for_its_own_latest_training(self) -> None:
        """Or for the one before it, where the inputs were taken back and the answer about the latest was lost."""
        for task in self.tasks:
            if task.waits_for is not None and task.waits_for.owner is not None:
                assert task.waits_for in task.paid
                for later in task.paid[task.paid.index(task.waits_for) + 1 :]:
                    assert later.inputs != task.waits_for.inputs
                    assert not task.has_known(later)

    @invariant()
    def a_waiting_task_waits_for_a_training_of_its_inputs(self) -> None:
        for task in self.tasks:
            if task.waits_for is not None and task.waits_for.owner is not None:
                assert task.waits_for.inputs == task.inputs_of_try

    @invariant()
    def the_record_names_what_a_task_waits_for(self) -> None:
        for task in self.tasks:
            if task.waits_for is not None and task.record is not None and not task.record_deleted:
                assert task.record["training_id"] == task.waits_for.training_id

    @invariant()
    def nobody_waits_for_what_the_provider_cancelled(self) -> None:
        for task in self.tasks:
            assert task.waits_for is None or not task.waits_for.cancelled_by_us

    def all_is_well_in_the_end(self) -> None:
        """With a service and workers that behave, each task comes to an end that says what is the matter."""
        self.world.will_answer()
        self.world.now += 2000
        for task in self.tasks:
            for _ in range(12):
                if task.state in ("none", "up_for_retry"):
                    task.start()
                elif task.state == "deferred":
                    if task.waits_for is not None and not task.waits_for.ended:
                        task.waits_for.stage = "model_ready"
                    event = task.next_event()
                    assert event is not None
                    task.resume(event)
                else:
                    break
            assert task.state in ("success", "failed")


def lived(lives: type[Lives], *, times: int, steps: int) -> Callable[[], None]:
    """
    Return the test of such lives.

    :param times: lives of the normal run, the same each time.
    :param steps: of each life, at most.
    """

    def test() -> None:
        for number in range(-(-int(LIVES or times) // FRESH)):
            this = SEED + number
            try:
                run_state_machine_as_test(seed(this)(lives), settings=in_steps(steps))
            except BaseException as error:
                error.add_note(f"DREAMBOOTH_SEED={this} DREAMBOOTH_LIVES={FRESH} lives it again")
                raise

    return test


def in_steps(steps: int) -> settings:
    return settings(
        max_examples=FRESH,
        stateful_step_count=steps,
        database=None,
        # A life that fails is short enough to read, and making it shorter takes many minutes.
        phases=[Phase.explicit, Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
