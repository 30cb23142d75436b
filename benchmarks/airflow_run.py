"""
Many deferred trainings in one real Airflow with one triggerer, from submission to resumed workers.

Looked for afterwards: trainings lost or paid twice, looks that came more often than asked, warnings of a
blocked triggerer. The emulator counts what was paid and when it was asked. A second run with a trigger of
Airflow's own tells how many of those warnings come from the machine being busy with the workers.
"""

from __future__ import annotations

import itertools
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from dev.demo.emulator import Emulator
from dev.demo.stack import Stack

#: Airflow's words when a trigger held the triggerer's event loop.
_BLOCKED = re.compile(r"async thread was blocked for ([0-9.]+) s", re.IGNORECASE)


def run(trainings: int, interval: float, duration: float) -> dict[str, Any]:
    """
    Start an Airflow and an emulator, run the trainings, stop both, and return what was seen.

    :param trainings: how many.
    :param interval: seconds between two looks at each.
    :param duration: seconds that each training lasts; longer than submitting them all takes, or fewer wait at once.
    """
    with tempfile.TemporaryDirectory(prefix="dreambooth-bench-") as place:
        folder = Path(place)
        emulator = Emulator(folder, duration=duration, options=("--request-log", "500000", "--quiet"))
        stack = Stack(
            folder,
            emulator,
            dag_folders=(Path(__file__).parent / "dags",),
            config={
                "core.parallelism": "16",
                "triggerer.capacity": "1000",
                "core.max_active_tasks_per_dag": "1000",
            },
            variables={
                "DREAMBOOTH_BENCH_TRAININGS": str(trainings),
                "DREAMBOOTH_BENCH_INTERVAL": str(interval),
            },
        )
        with stack:
            return _follow(stack, emulator, trainings, interval, duration)


def _follow(
    stack: Stack, emulator: Emulator, trainings: int, interval: float, duration: float
) -> dict[str, Any]:
    stack.client.wait_for_dag("many_trainings")
    # A busy machine blocks an idle triggerer, too: what it says before there is any trigger is the measure.
    time.sleep(60)
    idle = _blocked(stack)
    started, most_deferred = time.monotonic(), 0
    run_id = stack.client.trigger("many_trainings")
    while (state := stack.client.run_state("many_trainings", run_id)) in ("queued", "running"):
        states = [task["state"] for task in stack.client.task_instances("many_trainings", run_id)]
        deferred = states.count("deferred")
        most_deferred = max(most_deferred, deferred)
        print(
            f"  {time.monotonic() - started:5.0f} s: {deferred} deferred, {states.count('success')} done",
            flush=True,
        )
        time.sleep(10)
        if time.monotonic() - started > 3 * duration + 10 * trainings:
            break
    tasks = stack.client.task_instances("many_trainings", run_id)
    if state != "success":
        print(stack.client.describe("many_trainings", run_id)[:6000], flush=True)
    looks = emulator.polls()
    # The first look is the worker's, before it defers, and the second the trigger's: from there on the interval counts.
    gaps = [later - sooner for times in looks.values() for sooner, later in itertools.pairwise(times[1:-1])]
    return {
        "trainings": trainings,
        "state": state,
        "succeeded": sum(task["state"] == "success" for task in tasks),
        "tries": sum(task["try_number"] for task in tasks),
        "paid": len(emulator.trainings()),
        "most_deferred": most_deferred,
        "interval": interval,
        "looks": sum(len(times) for times in looks.values()),
        "shortest_gap": min(gaps, default=0.0),
        "middle_gap": statistics.median(gaps) if gaps else 0.0,
        "longest_gap": max(gaps, default=0.0),
        "blocked_when_idle": idle,
        "blocked": (blocked := _blocked(stack)[len(idle) :]),
        "seconds": time.monotonic() - started,
        "most_connections": emulator.journal()["most_connections_open"],
        "blocked_with_another_trigger": _wait_otherwise(stack)[len(idle) + len(blocked) :],
    }


def _wait_otherwise(stack: Stack) -> list[float]:
    """Let as many tasks wait with a trigger of Airflow's own, and return all warnings so far."""
    run_id = stack.client.trigger("many_other_waits")
    deadline = time.monotonic() + 3600
    # As seldom as above: asking is work for the machine, too.
    while stack.client.run_state("many_other_waits", run_id) in ("queued", "running"):
        if time.monotonic() > deadline:
            raise TimeoutError("the tasks that wait with Airflow's own trigger did not end within an hour")
        time.sleep(10)
    return _blocked(stack)


def _blocked(stack: Stack) -> list[float]:
    """Return the seconds of each warning of a blocked event loop in the triggerer's log."""
    log = (stack.logs / "triggerer.log").read_text(errors="replace")
    return [float(found[1]) for found in _BLOCKED.finditer(log)]
