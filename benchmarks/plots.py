"""The plots of the report, as SVG."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

_INK, _OURS, _OTHER = "#333333", "#2a78b8", "#b8b8b8"


def draw(known: dict[str, Any], folder: Path) -> None:
    """
    Draw one picture for each room that has one.

    :param known: what was measured, by room.
    :param folder: where the pictures go.
    """
    import matplotlib

    matplotlib.use("svg")
    # The same figures give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "font.size": 10, "axes.edgecolor": _INK})
    matplotlib.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    for room, make in (("pace", _pace), ("polls", _polls), ("scale", _scale)):
        if room in known:
            figure = make(known[room]["figures"])
            figure.savefig(folder / f"{room}.svg", metadata={"Date": None}, bbox_inches="tight")


def _new(width: float, height: float, columns: int = 1) -> Any:
    from matplotlib import pyplot

    return pyplot.subplots(1, columns, figsize=(width, height))


def _pace(rows: list[dict[str, Any]]) -> Any:
    figure, axes = _new(7.5, 4.2)
    styles = {"pace": (_OURS, "o"), "fixed 60 s": ("#c0504d", "s"), "fixed 180 s": ("#d8a03a", "^")}
    styles["exponential"] = ("#7a7a7a", "D")
    for way, (colour, marker) in styles.items():
        looks = [row["ways"][way]["looks"] / row["ways"]["fixed 60 s"]["looks"] for row in rows]
        delays = [row["ways"][way]["delay"] for row in rows]
        label = "pace from the ETA (default)" if way == "pace" else way
        axes.scatter(looks, delays, s=22, c=colour, marker=marker, label=label, alpha=0.75)
    axes.axvline(1 / 3, color=_INK, linewidth=0.8, linestyle=":")
    axes.axhline(25, color=_INK, linewidth=0.8, linestyle=":")
    axes.annotate("goal", (0.02, 25), xytext=(0.02, 20), color=_INK, fontsize=9)
    axes.set(
        xlabel="looks, share of a fixed 60 s",
        ylabel="mean delay until noticed, s",
        yscale="log",
        xlim=(0, 1.05),
    )
    axes.set_yticks([10, 15, 30, 60, 120, 300], labels=["10", "15", "30", "60", "120", "300"])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)
    return figure


def _polls(figures: dict[str, list[dict[str, Any]]]) -> Any:
    names = {"dreambooth": "this provider", "dbt-cloud": "dbt Cloud", "anthropic": "Anthropic batch"}
    kinds = [kind for kind in ("aiohttp", "dreambooth", "httpx", "dbt-cloud", "anthropic") if kind in figures]
    figure, axes = _new(7.5, 2.9)
    for place, kind in enumerate(reversed(kinds)):
        values = [one["cpu_ms_a_poll"] for one in figures[kind]]
        axes.barh(
            place, statistics.median(values), color=_OURS if kind == "dreambooth" else _OTHER, height=0.6
        )
        axes.plot([min(values), max(values)], [place, place], color=_INK, linewidth=1.5)
    axes.set_yticks(range(len(kinds)), labels=[names.get(kind, f"bare {kind}") for kind in reversed(kinds)])
    axes.set(xlabel="CPU ms a look: middle, smallest to largest")
    return figure


def _scale(figures: list[dict[str, Any]]) -> Any:
    figure, (left, right) = _new(7.5, 3.0, columns=2)
    tasks = [one["tasks"] for one in figures]
    left.plot(tasks, [one["rss_mb"] for one in figures], color=_OURS, marker="o")
    left.axhline(350, color=_INK, linewidth=0.8, linestyle=":")
    left.set(xlabel="waiting tasks", ylabel="peak memory, MB", ylim=(0, 380))
    right.plot(tasks, [100 * one["cpu_seconds"] / one["seconds"] for one in figures], color=_OURS, marker="o")
    right.set(xlabel="waiting tasks, a look every 30 s", ylabel="CPU, % of a core", ylim=(0, None))
    figure.tight_layout()
    return figure
