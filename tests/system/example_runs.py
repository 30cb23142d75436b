# SPDX-License-Identifier: Apache-2.0
"""One run of each example on the stack that all ordinary system tests share."""

from __future__ import annotations

from tests.system.stack import SystemStack
from tests.system.trainings import known_ids

RUN = "system-test"
#: How many trainings each pays for.
TRAININGS = {"train_wait_render": 1, "several_subjects": 3, "one_task_wait": 1}


def run_examples(stack: SystemStack) -> set[str]:
    """Run them all at the same time, and return the ids of the trainings that they started."""
    before = known_ids(stack)
    for dag_id in TRAININGS:
        stack.client.wait_for_dag(dag_id)
        stack.client.trigger(dag_id, RUN)
    for dag_id in TRAININGS:
        stack.client.wait_for_run(dag_id, RUN)
    return known_ids(stack) - before
