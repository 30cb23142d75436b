# SPDX-License-Identifier: Apache-2.0
"""An Airflow of many parts, as a company runs it, on one machine: Celery workers, and two of what decides."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.cluster.hostname import MEMBER
from dev.demo.component import Component
from dev.demo.emulator import Emulator
from dev.demo.stack import Stack

PROJECT = Path(__file__).parents[2]
#: A queue of its own for the tasks that talk to the service, and for their triggers.
TRAINING_QUEUE = "dreambooth"
DEFAULT_QUEUE = "default"
#: Celery says this once it takes tasks.
_READY = re.compile(r"worker-\d+@\S+ ready\.")

#: Which queues each component serves. Where triggers have queues, a triggerer without any serves none of them:
#: every queue, the default one too, needs a triggerer that names it.
QUEUES: Mapping[str, Sequence[str]] = {
    "worker-1": (DEFAULT_QUEUE,),
    "worker-2": (DEFAULT_QUEUE, TRAINING_QUEUE),
    "triggerer-1": (DEFAULT_QUEUE,),
    "triggerer-2": (DEFAULT_QUEUE, TRAINING_QUEUE),
}


class ClusterStack(Stack):
    """
    Api-server, dag processor, two schedulers, two triggerers and two Celery workers, and the emulator.

    :param folder: as in :class:`~demo.stack.Stack`.
    :param emulator: a started emulator; it is stopped with the rest.
    :param database_url: metadata database, which is Celery's result backend, too.
    :param redis_url: Celery's broker.
    :param slots: tasks that a worker runs at the same time.
    :param config: further Airflow options, ``section.option`` to value.
    :param arguments: as in :class:`~demo.stack.Stack`.
    """

    def __init__(
        self,
        folder: Path,
        emulator: Emulator,
        *,
        database_url: str,
        redis_url: str,
        slots: int = 6,
        config: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> None:
        self.slots = slots
        options = {
            "core.executor": "CeleryExecutor",
            "core.hostname_callable": "dev.cluster.hostname.member",
            "celery.broker_url": redis_url,
            "celery.result_backend": f"db+{database_url}",
            # A worker that dies takes with it what it has fetched and not begun: let it fetch as little as it can.
            "celery.worker_prefetch_multiplier": "1",
            # Celery gives a task that runs for longer to a second worker; a day, as by default.
            "celery_broker_transport_options.visibility_timeout": "86400",
            "operators.default_queue": DEFAULT_QUEUE,
            "triggerer.queues_enabled": "True",
            # What a dead worker ran, a dead triggerer watched and a dead scheduler looked after is given to others sooner
            # than by default.
            "scheduler.orphaned_tasks_check_interval": "15",
            "scheduler.scheduler_health_check_threshold": "20",
            "scheduler.task_instance_heartbeat_timeout": "60",
            "scheduler.task_instance_heartbeat_timeout_detection_interval": "5",
            "triggerer.triggerer_health_check_threshold": "20",
            "core.parallelism": "32",
        }
        super().__init__(
            folder, emulator, database_url=database_url, config=options | dict(config or {}), **arguments
        )
        self.environment["PYTHONPATH"] = str(PROJECT)
        #: Length of a worker's log when it was started: what it said before it died counts no more.
        self._said_before: dict[str, int] = {}

    def start_component(self, name: str, *command: str) -> Component:
        """Start one of Airflow's commands; its name is the host that Airflow shows."""
        self.environment[MEMBER] = name
        return super().start_component(name, *command)

    def start_components(self) -> None:
        """Start all of Airflow, without waiting for it."""
        for name in (
            "api-server",
            "dag-processor",
            "scheduler-1",
            "scheduler-2",
            "triggerer-1",
            "triggerer-2",
            "worker-1",
            "worker-2",
        ):
            self.start_member(name)

    def start_member(self, name: str) -> Component:
        """
        Start one of them, at first or after it was killed.

        :param name: ``api-server``, ``dag-processor``, or such as ``worker-1``; what that serves is in :data:`QUEUES`.
        """
        if name in ("api-server", "dag-processor"):
            return self.start_component(name, name)
        kind = name.rpartition("-")[0]
        if kind == "scheduler":
            return self.start_component(name, "scheduler", "--skip-serve-logs")
        queues = ",".join(QUEUES[name])
        if kind == "triggerer":
            return self.start_component(name, "triggerer", "--skip-serve-logs", "--queues", queues)
        log = self.logs / f"{name}.log"
        self._said_before[name] = log.stat().st_size if log.exists() else 0
        pid = self.folder / f"{name}.pid"
        pid.unlink(missing_ok=True)
        command = ["celery", "worker", "--celery-hostname", f"{name}@%h", "--queues", queues]
        # Logs lie in one folder here, where the api-server reads them by itself.
        command += [
            "--concurrency",
            str(self.slots),
            "--skip-serve-logs",
            "--without-mingle",
            "--pid",
            str(pid),
        ]
        return self.start_component(name, *command)

    def wait_until_healthy(self, timeout: float = 300.0) -> None:
        """Return as soon as every component reports to be healthy and both workers take tasks."""
        deadline = time.monotonic() + timeout
        super().wait_until_healthy(timeout)
        for name in ("worker-1", "worker-2"):
            self.wait_for_worker(name, deadline - time.monotonic())

    def wait_for_worker(self, name: str, timeout: float = 120.0) -> None:
        """Return as soon as a worker takes tasks."""
        deadline = time.monotonic() + timeout
        component = self.components[name]
        while not _READY.search(
            component.log.read_bytes()[self._said_before[name] :].decode(errors="replace")
        ):
            component.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} takes no tasks. The end of {component.log}:\n{component.tail()}")
            time.sleep(0.25)


__all__ = ["DEFAULT_QUEUE", "QUEUES", "TRAINING_QUEUE", "ClusterStack"]
