"""
Measure everything and write it down: ``make bench``, or ``python -m benchmarks --only pace polls``.

What was measured earlier and is not measured now stays in the report.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks import airflow_run, import_cost, machine, pace_simulation, poll_cost, report
from benchmarks.environments import competitors, prepare
from benchmarks.server import StatusServer

_SCALE = (10, 100, 500, 1000, 2500, 5000)


def _polls(options: argparse.Namespace) -> dict[str, Any]:
    with StatusServer() as server:
        kinds = ("aiohttp", *poll_cost.TRIGGERS, *(kind for kind in poll_cost.LIBRARIES if kind != "aiohttp"))
        return poll_cost.run(server, kinds, options.rounds, tasks=500, interval=5.0, seconds=14.9)


def _scale(options: argparse.Namespace) -> list[dict[str, Any]]:
    # The shortest interval of the adaptive pace; two looks and a half at each training.
    figures = []
    with StatusServer() as server:
        for tasks in _SCALE:
            one = poll_cost.measure(server, "dreambooth", tasks=tasks, interval=30.0, seconds=75.0)
            figures.append(one)
            print(
                f"  {tasks:5} tasks: {one['polls']} looks, {one['rss_mb']:.0f} MB, "
                f"{100 * one['cpu_seconds'] / one['seconds']:.1f} % of a core, loop held {one['held_cpu_ms']:.0f} ms of CPU",
                flush=True,
            )
    return figures


ROOMS: dict[str, tuple[str, Callable[[argparse.Namespace], Any]]] = {
    "import": ("Import cost", lambda options: import_cost.run(2 * options.rounds + 1)),
    "pace": ("Pace, simulated", lambda options: pace_simulation.run(options.trainings)),
    "polls": ("Cost of a look", _polls),
    "scale": ("10 to 5,000 waiting tasks", _scale),
    "airflow": (
        "A real Airflow",
        lambda options: airflow_run.run(options.deferred, interval=20.0, duration=options.duration),
    ),
}


def main() -> None:
    """Run what was asked for and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=ROOMS, default=list(ROOMS), help="measure these alone")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of timed figures (default: 5)")
    parser.add_argument(
        "--trainings", type=int, default=2000, help="simulated trainings a cell (default: 2000)"
    )
    parser.add_argument(
        "--deferred", type=int, default=300, help="trainings in the real Airflow (default: 300)"
    )
    parser.add_argument(
        "--duration", type=float, default=480.0, help="seconds of a training there (default: 480)"
    )
    options = parser.parse_args()
    if {"import", "polls"} & set(options.only):
        print("Environments of the competitors", flush=True)
        for competitor in competitors():
            prepare(competitor)
    for name in options.only:
        title, measure = ROOMS[name]
        print(title, flush=True)
        ran_on = machine.description()
        report.keep(name, measure(options), ran_on)
    report.write()
    print(f"Written: {report.shown_path()}")


if __name__ == "__main__":
    main()
