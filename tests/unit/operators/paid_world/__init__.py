# SPDX-License-Identifier: Apache-2.0
"""A small model of everything around a paid training: the service, Airflow's stores, the clock, and people.

Every touch of the outside is a step, at which the worker may die or another task may run. The model knows what
was really paid and by whom, and judges each payment, each cancel and each result by the contract's table alone;
it shares nothing with the code that decides.
"""

from tests.unit.operators.paid_world.inhabited import inhabited
from tests.unit.operators.paid_world.steps import Moment
from tests.unit.operators.paid_world.task import Task
from tests.unit.operators.paid_world.training import HOSTS, KEYS, Training, status_of
from tests.unit.operators.paid_world.world import World

__all__ = ["HOSTS", "KEYS", "Moment", "Task", "Training", "World", "inhabited", "status_of"]
