# SPDX-License-Identifier: Apache-2.0
"""One run for a person at a terminal: its options, a folder of its own, Ctrl-C that ends all of it, an exit code."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from dev.demo.component import ComponentDiedError
from dev.demo.narrator import Narrator

PROJECT = Path(__file__).parents[2]
WORKPLACE = PROJECT / ".demo"
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def options_of(name: str, description: str | None, duration: float = 25) -> argparse.ArgumentParser:
    """
    Return the options that every run has.

    :param name: what it is called.
    :param description: for ``--help``.
    :param duration: seconds that a training takes if nothing is said.
    """
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--airflow-port", type=int, default=8080, help="port of Airflow's UI, if it is free")
    parser.add_argument("--emulator-port", type=int, default=8765, help="port of the emulator, if it is free")
    parser.add_argument("--duration", type=float, default=duration, help="seconds that a training takes")
    return parser


def run(work: Callable[[Narrator, Path], bool], expected: tuple[type[Exception], ...] = ()) -> int:
    """
    Do the work in a new folder and return the exit code: 0 only if it succeeded, 130 when a person ended it.

    :param work: gets the narrator and the folder, and gives back whether all went well. It stops what it has started.
    :param expected: errors whose message says it all, beside those of a component, a file or a deadline.
    """
    for number in _ENDINGS:
        signal.signal(number, _end)
    narrator = Narrator()
    WORKPLACE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=WORKPLACE))
    foreseen: tuple[type[Exception], ...] = (ComponentDiedError, OSError, TimeoutError, *expected)
    succeeded = False
    try:
        succeeded = work(narrator, folder)
    except KeyboardInterrupt:
        narrator.say("Stopped. Nothing of it is left running.", "demo")
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    except foreseen as error:
        narrator.say(str(error), "failed")
    if not succeeded:
        if any(folder.iterdir()):
            narrator.say(f"Airflow's logs are in {short(folder)}", "failed")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def listen_no_more() -> None:
    """Let nothing interrupt the end: a second Ctrl-C must not leave half of it running."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def short(path: Path) -> str:
    """Return a path as a person at this terminal would write it."""
    return os.path.relpath(path)


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
