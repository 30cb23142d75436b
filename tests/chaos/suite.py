# SPDX-License-Identifier: Apache-2.0
"""Runs points on one real Airflow, many at a time, and gives what became of each."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from dev.demo.airflow_client import AirflowClient
from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.emulator import Emulator
from tests.chaos import actions
from tests.chaos.observer import Observer
from tests.chaos.point import Point
from tests.chaos.run import PATIENCE, Result, Run, judge
from tests.postgresql import running_postgresql
from tests.system.stack import SystemStack

REPOSITORY = Path(__file__).parents[2]
#: How many points are under way at the same time.
AT_ONCE = 12
CONFIG = {
    "core.parallelism": "8",
    "database.sql_alchemy_pool_size": "20",
    "database.sql_alchemy_max_overflow": "40",
    "core.max_active_tasks_per_dag": "32",
    "core.xcom_backend": "tests.chaos.xcom_backend.FilesOfSomePoints",
    # A whole worker that dies is noticed by its missing heartbeat; five minutes would be waited for otherwise.
    "scheduler.task_instance_heartbeat_timeout": "90",
    "scheduler.task_instance_heartbeat_timeout_detection_interval": "5",
    "scheduler.scheduler_health_check_threshold": "20",
    "scheduler.orphaned_tasks_check_interval": "10",
    "triggerer.triggerer_health_check_threshold": "20",
    "dag_processor.min_file_process_interval": "3600",
}
Say = Callable[[str], None]


class PatientClient(AirflowClient):
    """A client that makes few calls at a time, so that the points do not press the buttons all at once."""

    _places = threading.Semaphore(3)

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """As in the class above."""
        with self._places:
            return super().call(method, path, **arguments)


@contextlib.contextmanager
def chaos_stack(folder: Path, say: Say) -> Iterator[tuple[SystemStack, Observer, Path]]:
    """
    A real Airflow with a DAG for each point, on PostgreSQL: SQLite refuses so many writers at once.

    :param folder: where everything is kept.
    :param say: is told what happens.
    """
    flags = folder / "flags"
    flags.mkdir()
    with (
        running_postgresql() as database_url,
        _stack(folder, flags, database_url, say) as stack,
        Observer(database_url) as observer,
    ):
        yield stack, observer, flags


def _stack(folder: Path, flags: Path, database_url: str, say: Say) -> SystemStack:
    stack = SystemStack(
        folder,
        Emulator(folder),
        dag_folders=[Path(__file__).parent / "dags"],
        config=CONFIG,
        variables={"PYTHONPATH": str(REPOSITORY), "CHAOS_FLAGS": str(flags)},
        database_url=database_url,
        say=say,
    )
    stack.client = PatientClient(stack.url, USER, PASSWORD)
    return stack


def run_point(
    point: Point, repetition: int, stack: SystemStack, observer: Observer, flags: Path, say: Say
) -> Result:
    """Run one point; once more if the crash did not come about, since then nothing was tried."""
    result = _run_once(point, str(repetition), stack, observer, flags, say)
    if result.untried and point.wave == 1:
        say(f"once more, since {result.faults[0]}: {point.name}")
        result = _run_once(point, f"{repetition}-again", stack, observer, flags, say)
    return replace(result, repetition=repetition)


def _run_once(
    point: Point, repetition: str, stack: SystemStack, observer: Observer, flags: Path, say: Say
) -> Result:
    """Run one point once, from its first request to its last check."""
    started = time.monotonic()
    with Run.emulator_of(point) as emulator:
        run = Run(point, repetition, stack, observer, flags, emulator)
        broken: BaseException | None = None
        try:
            run.connect(**actions.ASTRAY.get(point.act, dict)())
            run.start()
            getattr(actions, point.act)(run)
        except Exception as error:
            broken = error
        time.sleep(1.0)  # the observer's next look
        try:
            result = judge(run, 0, started, broken)
        except Exception as error:
            result = Result(point, 0, -1, -1, "?", 0, 0.0, [f"{broken} {error!r}"])
    say(f"{'kept' if result.kept else 'BROKEN'}  {point.name}  {result.faults or ''}")
    return result


def run_all(
    points: Sequence[tuple[Point, int]], stack: SystemStack, observer: Observer, flags: Path, say: Say
) -> list[Result]:
    """Run the first wave all at once, then for each repetition the wave in which parts of Airflow die."""
    for point in {point for point, _ in points}:
        stack.client.wait_for_dag(point.dag_id)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        first = [
            pool.submit(run_point, point, repetition, stack, observer, flags, say)
            for point, repetition in sorted(points, key=lambda place: not takes_long(place[0]))
            if point.wave == 1
        ]
        results = [future.result() for future in first]
    for repetition in sorted({repetition for point, repetition in points if point.wave > 1}):
        for wave in WAVES:
            chosen = [point for point, number in points if (point.wave, number) == (wave, repetition)]
            results += later_wave(wave, chosen, repetition, stack, observer, flags, say)
    return results


def takes_long(point: Point) -> bool:
    """Whether a point should begin among the first, so that nobody waits for it alone at the end."""
    return (
        point.tasks > 3 or point.settle >= 30 or any(place.startswith("worker:") for place in point.crashes)
    )


def later_wave(
    wave: int,
    points: Sequence[Point],
    repetition: int,
    stack: SystemStack,
    observer: Observer,
    flags: Path,
    say: Say,
) -> list[Result]:
    """Let parts of Airflow die while the points wait for it, one event after the other."""
    actions.forget_events()
    with ThreadPoolExecutor(max(len(points), 1)) as pool:
        futures = [pool.submit(run_point, point, repetition, stack, observer, flags, say) for point in points]
        for event in WAVES[wave]:
            concerned = [point for point in points if event in point.act]
            ready = [actions.reached(event).acquire(timeout=PATIENCE) for _ in concerned]
            if ready and all(ready):
                say(f"now: {event}")
                HAPPEN[event](stack)
            actions.happened(event).set()
        results = [future.result() for future in futures]
    if "stall" in WAVES[wave] and "triggerer-2" in stack.components:
        stack.components.pop("triggerer-2").stop()
    return results


def lose_triggerer(stack: SystemStack) -> None:
    """Kill the triggerer and start another."""
    stack.kill("triggerer")
    stack.start_triggerer()


def lose_power(stack: SystemStack) -> None:
    """Kill everything of Airflow at once and start it again. The service goes on."""
    for name in list(stack.components):
        stack.kill(name)
    stack.start_components()
    stack.wait_until_healthy()


def stall(stack: SystemStack) -> None:
    """Freeze the triggerer until another one has taken its triggers over, then wake it."""
    before = dict(stack.query("SELECT id, triggerer_id FROM trigger"))
    stack.start_triggerer("triggerer-2")
    time.sleep(10.0)  # it must be alive before it can take anything over
    stack.freeze("triggerer")
    deadline = time.monotonic() + PATIENCE
    while True:
        now = dict(stack.query("SELECT id, triggerer_id FROM trigger"))
        if all(now[trigger] not in (None, before[trigger]) for trigger in before if trigger in now):
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody took the triggers over: {before} {now}")
        time.sleep(1.0)


HAPPEN: dict[str, Callable[[SystemStack], None]] = {
    "triggerer": lose_triggerer,
    "power": lose_power,
    "stall": stall,
    "waking": lambda stack: stack.thaw("triggerer"),
}
#: The events of each later wave, in order.
WAVES = {2: ("triggerer",), 3: ("power",), 4: ("stall", "waking")}
