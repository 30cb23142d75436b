# SPDX-License-Identifier: Apache-2.0
"""What a try does step by step, so that a test can let something happen at one of them."""

from __future__ import annotations

from tests.unit.operators.paid_world import Task, World, inhabited


def known_world() -> World:
    """Return a world whose list of models is known to show running trainings."""
    made = World()
    made.let_the_list_be_known()
    return made


def steps(world: World) -> list[str]:
    """Return the steps of a first try in such a world."""
    with inhabited(World(world.environment), silent=True) as trial:
        if world.environment == "production":
            trial.let_the_list_be_known()
        Task(trial).start()
        return trial.calls
