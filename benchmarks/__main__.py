# SPDX-License-Identifier: Apache-2.0
"""
Measure everything and write it down: ``make bench``, or ``python -m benchmarks --only schedule polls``.

What was measured earlier and is not measured now stays in the report.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks import comparison, report, schedule_simulation
from benchmarks.status_server import StatusServer

#: Waiting tasks in one process.
SCALE = (1000, 5000, 10000)


def _polls(options: argparse.Namespace) -> dict[str, Any]:
    with StatusServer() as server:
        return comparison.poll_cost(server, options.rounds, tasks=500, interval=5.0, settle=5.2, seconds=15.0)


def _scale(_: argparse.Namespace) -> list[dict[str, Any]]:
    figures = []
    with StatusServer() as server:
        for tasks in SCALE:
            # Two polls and a half of each training.
            one = comparison.measure(server, "dreambooth", tasks=tasks, interval=30.0, seconds=75.0)
            figures.append(one)
            print(
                f"  {tasks:5} tasks: {one['polls']} polls, {one['rss_mb']:.0f} MB, "
                f"{100 * one['cpu_seconds'] / one['seconds']:.1f} % of a core, loop held {one['held_cpu_ms']:.0f} ms of CPU, "
                f"latest poll {one['latest']:.2f} s",
                flush=True,
            )
    return figures


PARTS: dict[str, tuple[str, Callable[[argparse.Namespace], Any]]] = {
    "import": ("Import cost", lambda options: comparison.import_cost(2 * options.rounds + 1)),
    "schedule": ("Polling schedule, simulated", lambda options: schedule_simulation.run(options.trainings)),
    "polls": ("Cost of a poll", _polls),
    "scale": ("1,000 to 10,000 waiting tasks", _scale),
}


def main() -> None:
    """Run what was asked for and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="measure these alone")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of timed figures (default: 5)")
    parser.add_argument(
        "--trainings", type=int, default=2000, help="simulated trainings a cell (default: 2000)"
    )
    options = parser.parse_args()
    if {"import", "polls"} & set(options.only):
        print("Environments of the competitors", flush=True)
        for competitor in comparison.competitors():
            comparison.prepare(competitor)
    for name in options.only:
        title, measure = PARTS[name]
        print(title, flush=True)
        ran_on = report.machine()
        report.keep(name, measure(options), ran_on)
    report.write()
    print(f"Written: {report.shown_path()}")


if __name__ == "__main__":
    main()
