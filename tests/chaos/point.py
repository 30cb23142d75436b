# SPDX-License-Identifier: Apache-2.0
"""
What a crash point is: where something goes wrong, and what was promised for it.

Read by the DAG file in every task process, so it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Retries of every task. One that needs them all has not ended by itself.
RETRIES = 4


@dataclass(frozen=True, eq=False)
class Point:
    """
    One way in which things go wrong, and the promise.

    :param name: name in the table; the DAG is called after it.
    :param paid: how many trainings the service may have accepted in the end.
    :param state: state in which every task ends.
    :param environment: ``production`` or ``sandbox``.
    :param wait: ``deferred``, ``worker`` or ``no`` (the task only starts the training).
    :param crashes: places of :mod:`tests.chaos.crash`, each met once, in any try.
    :param arguments: further arguments of the operator.
    :param faults: rules for the point's own emulator.
    :param emulator: options of that emulator.
    :param act: function of :mod:`tests.chaos.actions` that does what a user or a machine does.
    :param cancelled: how many of the trainings are cancelled in the end.
    :param tries: how many tries the task takes at least, where it must not use up its retries: Airflow itself adds
        one now and then on a loaded machine.
    :param says: what the task's log must say.
    :param unknown: paid trainings whose id nobody can know.
    :param tasks: how many task instances, in one account.
    :param settle: seconds after which a lost answer is settled; the real 30 make a run long.
    :param timeout: seconds for one HTTP request.
    :param wave: points of one wave run at the same time.
    :param renders: the task renders; what is paid are renderings.
    :param trainer: the task starts a training of the v6 trainer.
    :param custom_xcom_backend: XComs of the DAG are kept by :mod:`tests.chaos.xcom_backend`.
    :param fail_fast: the DAG has ``fail_fast``, and a second task that fails when it is told to.
    """

    name: str
    paid: int = 1
    state: str = "success"
    environment: str = "production"
    wait: str = "deferred"
    crashes: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    emulator: Mapping[str, Any] = field(default_factory=dict)
    act: str = "watch"
    cancelled: int = 0
    tries: int | None = None
    says: tuple[str, ...] = ()
    unknown: int = 0
    tasks: int = 1
    settle: float = 6.0
    timeout: float = 10.0
    wave: int = 1
    renders: bool = False
    trainer: bool = False
    custom_xcom_backend: bool = False
    fail_fast: bool = False

    @property
    def dag_id(self) -> str:
        """Id of the DAG for this point."""
        words = "".join(letter if letter.isalnum() else " " for letter in self.name).split()
        return "_".join(words)
