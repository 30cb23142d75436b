# SPDX-License-Identifier: Apache-2.0
"""Tells a person what happens: lines with the time since the start, and a progress bar in a terminal."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text


class Narrator:
    """
    Prints as it happens.

    :param console: where to; a terminal gets colours and a bar, anything else plain lines.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last: dict[str, tuple[Any, ...]] = {}

    def say(self, text: str, who: str = "") -> None:
        """Print one line with the time since the start."""
        seconds = time.monotonic() - self.started
        # In one piece: a progress bar below would break the line in two.
        self.console.print(
            Text.assemble((f"{seconds:5.0f} s  ", "dim"), (f"{who:<9}", "bold"), " ", text), soft_wrap=True
        )

    def once(self, who: str, *facts: Any) -> bool:
        """Whether these facts are news about somebody."""
        if self._last.get(who) == facts:
            return False
        self._last[who] = facts
        return True

    def training(self, training: dict[str, Any]) -> None:
        """Show how far a training is, as the service itself tells it."""
        stage, percent = str(training["stage"]), 100 * float(training["progress"])
        if self.once("training", training["training_id"], stage):
            log = [part.strip() for part in str(training["data"]).replace("/n", "\n").splitlines()]
            latest = next((part for part in reversed(log) if part), "")
            self.say(f"{stage} ({percent:.0f} %)  {latest}", "training")
        if self.console.is_terminal:
            self._show_bar(stage, percent, over=bool(training["over"]))

    def _show_bar(self, stage: str, percent: float, *, over: bool) -> None:
        if self._bar is None or self._task is None:
            if over:
                return
            columns = (
                TextColumn("{task.description:>24}"),
                BarColumn(40),
                TextColumn("{task.percentage:3.0f} %"),
            )
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._task = self._bar.add_task(stage, total=100)
            self._bar.start()
        self._bar.update(self._task, completed=percent, description=stage)
        if over:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
