# SPDX-License-Identifier: Apache-2.0
"""The table of ``make chaos``."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.run import Result

_HEAD = ("point", "paid", "promised", "cancelled", "final state", "tries", "verdict")


def _span(values: Sequence[int]) -> str:
    return str(min(values)) if min(values) == max(values) else f"{min(values)} to {max(values)}"


def _row(results: Sequence[Result]) -> tuple[str, ...]:
    point = results[0].point
    broken = [result for result in results if not result.kept]
    times = f" {len(results)}x" if len(results) > 1 else ""
    return (
        point.name,
        _span([result.paid for result in results]),
        str(point.paid),
        _span([result.cancelled for result in results]),
        " / ".join(sorted({result.state for result in results})),
        _span([result.tries for result in results]),
        f"BROKEN {len(broken)} of {len(results)}" if broken else f"kept{times}",
    )


def table(results: Sequence[Result]) -> str:
    """
    One line for each point, over all its repetitions, and one for the sum.

    :param results: at least one.
    """
    names = list(dict.fromkeys(result.point.name for result in results))
    rows = [_HEAD, *(_row([result for result in results if result.point.name == name]) for name in names)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    paid = sum(result.paid for result in results)
    promised = sum(result.point.paid for result in results)
    kept = sum(result.kept for result in results)
    lines.append("")
    lines.append(
        f"{len(names)} points, {len(results)} runs: {paid} trainings paid, {promised} promised; "
        f"{kept} of {len(results)} runs kept every promise."
    )
    return "\n".join(lines)
