# SPDX-License-Identifier: Apache-2.0
"""Writes what was measured: figures as JSON, a page with tables, and plots, all under ``docs/benchmarks/``."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import plots
from benchmarks.status_server import ROOT

FOLDER = ROOT / "docs" / "benchmarks"
FIGURES = FOLDER / "figures.json"


def shown_path() -> str:
    """Return where the report is, from the top of the project."""
    return str((FOLDER / "index.md").relative_to(ROOT))


def machine() -> dict[str, Any]:
    """Return what a part ran on: enough to compare, nothing that tells whose machine it is."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.lower().startswith(("model name", "hardware")):
            model = " ".join(line.split(":", 1)[1].split())
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "airflow": version("apache-airflow"),
        "aiohttp": version("aiohttp"),
        "load_before": round(os.getloadavg()[0], 1),
    }


def keep(part: str, figures: Any, ran_on: dict[str, Any]) -> None:
    """Store the figures of one part beside those of the others."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    known = _known()
    known[part] = {"ran_on": ran_on, "figures": figures}
    FIGURES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def _known() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    return known


def write() -> None:
    """Write page and plots from all that is stored."""
    known = _known()
    parts = [_HEAD.format(summary=_summary(known))]
    for part, section in _SECTIONS.items():
        if part in known:
            parts += [section(known[part]["figures"]), _ran_on(known[part]["ran_on"])]
    (FOLDER / "index.md").write_text("\n\n".join(parts).rstrip() + "\n")
    plots.draw(known, FOLDER)


_HEAD = """# What waiting costs, measured

{summary}

`make bench` measures all of this again and writes this page; `.venv/bin/python -m benchmarks --only polls` measures one part.
Timed figures are the median of several rounds, with the smallest and largest in brackets. Rounds take turns between
what is compared, so that a busy minute hits them all: read the ratios rather than the milliseconds.

## Where this provider is not ahead

* A bare loop on the same library needs a third of the memory: Airflow itself is most of the rest.
* A poll that finds another stage costs more: it reads the answer and writes a line to the task's log. The server here repeats
  its answer, as the service does while a training stays at its stage.
* Thousands that begin in one moment share five connections (`max_concurrent_requests`): with 10 ms an answer, the first polls of
  5,000 take 10 s, and all later ones follow at that distance.
* A fixed interval of a few seconds notices the end sooner, for many more polls.
* With thousands of tasks in one process Python's garbage collection holds the event loop for up to half a second, a few
  times in all: it goes over the whole memory, most of which is Airflow's. The bare loops, without Airflow, are spared.
* A handful of waiting tasks cost next to nothing with any provider."""


def _summary(known: dict[str, Any]) -> str:
    """Return what a reader wants to know, in as many lines as there are parts."""
    lines = []
    if "polls" in known:
        figures = known["polls"]["figures"]
        ours = statistics.median(one["cpu_ms_a_poll"] for one in figures["dreambooth"])
        bare, other = (statistics.median(_ratios(figures, kind)) for kind in ("aiohttp", "dbt-cloud"))
        lines.append(
            f"* A poll of a waiting task costs {ours:.1f} ms of CPU: {bare:.2f} times a bare loop on the same HTTP "
            f"library, {other:.2f} of dbt Cloud's trigger."
        )
    if "scale" in known:
        largest = max(known["scale"]["figures"], key=lambda one: int(one["tasks"]))
        due = largest["tasks"] * (int(largest["seconds"] // largest["interval"]) + 1)
        lines.append(
            f"* {largest['tasks']:,} waiting tasks in one process use {largest['rss_mb']:.0f} MB and "
            f"{100 * largest['cpu_seconds'] / largest['seconds']:.0f} % of a core, each polled every "
            f"{largest['interval']:.0f} s; the "
            f"latest poll came {largest['latest']:.1f} s after it was due, counted from a task's first poll on, and "
            f"{largest['polls']:,} of {due:,} were made."
        )
    if "schedule" in known:
        rows = known["schedule"]["figures"]
        share = statistics.mean(row["share"] for row in rows)
        late = statistics.mean(row["ways"]["schedule"]["delay"] for row in rows)
        lines.append(
            f"* Without `poll_interval` a training needs {share:.2f} of the polls of a fixed 60 s, and its end is noticed "
            f"{late:.0f} s late on average instead of 30 s (simulated)."
        )
    if "import" in known:
        ours, other = (
            statistics.median(cpu for cpu, _ in known["import"]["figures"][name])
            for name in ("dreambooth", "dbt-cloud")
        )
        lines.append(
            f"* Importing the operators adds {ours:.0f} ms to a DAG file; dbt Cloud's add {other:.0f} ms."
        )
    return "\n".join(lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _spread(values: list[float], digits: int = 2) -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _ran_on(machine: dict[str, Any]) -> str:
    return (
        f"*Measured {machine['date']} on {machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, "
        f"{machine['system']}, Python {machine['python']}, Airflow {machine['airflow']}, aiohttp {machine['aiohttp']}; "
        f"load before the start {machine['load_before']}.*"
    )


def _import(figures: dict[str, list[tuple[float, float]]]) -> str:
    rows = [
        (name, *(_spread(list(values), 0) for values in zip(*pairs, strict=True)))
        for name, pairs in figures.items()
    ]
    return (
        "## Import\n\nMilliseconds that importing the operators adds to a DAG file which imports Airflow's "
        "`BaseOperator` anyway. Goal: at most 50.\n\n"
        + _table(("provider", "ms of CPU", "ms by the clock"), rows)
    )


def _schedule(rows: list[dict[str, Any]]) -> str:
    main = [row for row in rows if row["common"] == 0.5]
    ways = list(main[0]["ways"])
    summary = []
    for sigma in sorted({row["sigma"] for row in rows}):
        cells = [row for row in rows if row["sigma"] == sigma]
        for way in ways:
            share = statistics.mean(
                row["ways"][way]["polls"] / row["ways"]["fixed 60 s"]["polls"] for row in cells
            )
            delay = statistics.mean(row["ways"][way]["delay"] for row in cells)
            late = statistics.mean(row["ways"][way]["late"] for row in cells)
            summary.append((f"{sigma:g}", way, f"{share:.2f}", f"{delay:.1f}", f"{late:.0f}"))
    every = [
        (
            f"{row['sigma']:g}",
            row["error"],
            f"{row['common']:g}",
            f"{row['share']:.3f}",
            f"{row['ways']['schedule']['delay']:.1f}",
        )
        for row in rows
    ]
    shares = [row["share"] for row in rows]
    delays = [row["ways"]["schedule"]["delay"] for row in rows]
    told = (
        f"On average over the {len(rows)} cells {statistics.mean(shares):.3f} of the polls, {max(shares):.3f} in the worst; the "
        f"mean delay is {statistics.mean(delays):.1f} s on average and {max(delays):.1f} s in the worst cell"
    )
    return (
        "## The polling schedule\n\nSimulated trainings around the documented announcements; the assumptions stand in "
        "`benchmarks/schedule_simulation.py`. Goal: a third of the polls of a fixed 60 s on average, and a mean delay between "
        "ready and noticed of at most 25 s in every cell (fixed 60 s: 30 s). "
        + told
        + ".\n\n![Polls and delay of each way of polling](schedule.svg)\n\n"
        + _table(
            (
                "spread",
                "way of polling",
                "polls, share of fixed 60 s",
                "mean delay, s",
                "95 of 100 within, s",
            ),
            summary,
        )
        + "\n\nEach cell of it, for the default schedule. *Common* is the share of the variance that all stages of a "
        "training have together.\n\n"
        + _table(("spread", "announcements", "common", "polls, share of fixed 60 s", "mean delay, s"), every)
    )


def _ratios(figures: dict[str, list[dict[str, Any]]], against: str, kind: str = "dreambooth") -> list[float]:
    """Return what a poll costs in relation to another way of waiting, round by round."""
    pairs = zip(figures[kind], figures[against], strict=True)
    return [one["cpu_ms_a_poll"] / other["cpu_ms_a_poll"] for one, other in pairs]


def _polls(figures: dict[str, list[dict[str, Any]]]) -> str:
    names = {"dreambooth": "**this provider's trigger**", "dbt-cloud": "dbt Cloud trigger"}
    names |= {
        "anthropic": "Anthropic batch trigger",
        "aiohttp": "bare loop, aiohttp",
        "httpx": "bare loop, httpx",
    }

    def ratio(kind: str) -> str:
        return _spread(_ratios(figures, "aiohttp", kind))

    def of(kind: str, key: str, digits: int = 0) -> str:
        return _spread([one[key] for one in figures[kind]], digits)

    rows = [
        (
            names[kind],
            of(kind, "cpu_ms_a_poll", 2),
            ratio(kind),
            of(kind, "polls"),
            of(kind, "opened"),
            of(kind, "most_open"),
            of(kind, "rss_mb"),
            f"{of(kind, 'held_at_start_ms')}; {of(kind, 'held_at_start_cpu_ms')}",
            f"{of(kind, 'held_ms')}; {of(kind, 'held_cpu_ms')}",
        )
        for kind in names
        if kind in figures
    ]
    head = ["", "CPU ms a poll", "ratio to bare aiohttp", "polls of 1,500"]
    head += ["new connections for these polls", "most connections at a time", "peak MB"]
    head += ["loop held at the start, ms by the clock; of CPU", "loop held later, ms by the clock; of CPU"]
    return (
        "## Cost of a poll\n\n500 waiting tasks in one event loop, each polled every 5 s for 15 s, over TLS on loopback; "
        "a lean server in a process of its own. All are given the same arrivals, spread over 5 s; the bare loops decode the "
        "JSON and have a total timeout. Triggers run in their own environments with what a triggerer has loaded; what a "
        "process pays once (imports, TLS context) is paid before and shown apart, and each task has been polled once before "
        "counting begins: a trigger logs the stage that it finds. Goals: at most 1.25 times the "
        "bare loop and 0.4 of the dbt Cloud trigger, no more connections than `max_concurrent_requests` (5), the event "
        "loop never held for more than 50 ms. "
        "How long it was held is given by the clock and in CPU of its thread: on a busy machine the "
        "clock counts what other programs take.\n\n"
        f"Against the dbt Cloud trigger: {_spread(_ratios(figures, 'dbt-cloud'))}.\n\n" + _table(head, rows)
    )


def _scale(figures: list[dict[str, Any]]) -> str:
    rows: list[tuple[object, ...]] = []
    for one in figures:
        due = one["tasks"] * (int(one["seconds"] // one["interval"]) + 1)
        rows.append(
            (
                one["tasks"],
                f"{one['polls']} of {due}",
                f"{one['latest']:.1f}",
                f"{100 * one['cpu_seconds'] / one['seconds']:.1f} %",
                f"{one['rss_mb']:.0f}",
                f"{one['rss_before_mb']:.0f}",
                f"{one['held_ms']:.0f}; {one['held_cpu_ms']:.0f}; {one['held_without_collector_ms']:.0f}",
            )
        )
    head = ["waiting tasks", "polls made of those due", "latest poll, s after it was due"]
    head += ["CPU of one core", "peak MB", "before the first, MB"]
    return (
        "## Thousands of waiting tasks\n\nOne process, all tasks started one after the other as Airflow's triggerer "
        "does, each polled every 30 s for 75 s, with the log at WARNING: the line about the first stage is mostly the "
        "worker's. Goals: 10,000 without falling behind, under 300 MB; the beginning of 5,000 holds the loop for under "
        "50 ms, garbage collection aside.\n\n"
        + _table(
            (*head, "loop held, ms by the clock; of CPU; of CPU without Python's garbage collection"), rows
        )
        + "\n\nThousands of new tasks make Python look through its whole memory for garbage, and Airflow's part of it alone "
        f"takes long: up to {max(one['held_collector_ms'] for one in figures):.0f} ms here, whatever the tasks do."
    )


_SECTIONS: dict[str, Callable[[Any], str]] = {
    "schedule": _schedule,
    "polls": _polls,
    "scale": _scale,
    "import": _import,
}
