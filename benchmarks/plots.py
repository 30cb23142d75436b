# SPDX-License-Identifier: Apache-2.0
"""The plot of the report, as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_INK, _OURS = "#333333", "#2a78b8"


def draw(known: dict[str, Any], folder: Path) -> None:
    """
    Draw the polling schedule beside other ways to poll.

    :param known: what was measured, by part.
    :param folder: where the plot goes.
    """
    import matplotlib

    matplotlib.use("svg")
    # The same figures give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "font.size": 10, "axes.edgecolor": _INK})
    matplotlib.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    if "schedule" in known:
        figure = _schedule(known["schedule"]["figures"])
        figure.savefig(folder / "schedule.svg", metadata={"Date": None}, bbox_inches="tight")


def _schedule(rows: list[dict[str, Any]]) -> Any:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.5, 4.2))
    styles = {"schedule": (_OURS, "o"), "fixed 60 s": ("#c0504d", "s"), "fixed 180 s": ("#d8a03a", "^")}
    styles["exponential"] = ("#7a7a7a", "D")
    for way, (colour, marker) in styles.items():
        polls = [row["ways"][way]["polls"] / row["ways"]["fixed 60 s"]["polls"] for row in rows]
        delays = [row["ways"][way]["delay"] for row in rows]
        label = "schedule by stage and ETA (default)" if way == "schedule" else way
        axes.scatter(polls, delays, s=22, c=colour, marker=marker, label=label, alpha=0.75)
    axes.axvline(1 / 3, color=_INK, linewidth=0.8, linestyle=":")
    axes.axhline(25, color=_INK, linewidth=0.8, linestyle=":")
    axes.annotate("goal", (0.02, 25), xytext=(0.02, 20), color=_INK, fontsize=9)
    axes.set(
        xlabel="polls, share of a fixed 60 s",
        ylabel="mean delay until noticed, s",
        yscale="log",
        xlim=(0, 1.05),
    )
    axes.set_yticks([10, 15, 30, 60, 120, 300], labels=["10", "15", "30", "60", "120", "300"])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9)
    return figure
