# SPDX-License-Identifier: Apache-2.0
"""
One process that we started, with all its children.

It gets a session of its own, so that signals reach exactly its family: Airflow gives each task its own
process group, and a signal to the parent leaves those running. Nothing outside that session is ever
signalled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


class ComponentDiedError(RuntimeError):
    """A component ended although nobody asked it to."""


class Component:
    """
    A running process whose output goes to a file.

    :param name: for messages.
    :param command: what to run.
    :param environment: all of its environment variables.
    :param log: file for its output, added to.
    :param folder: its working directory.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its session."""
        return self.process.pid

    def is_running(self) -> bool:
        """Whether the process itself still runs."""
        return self.process.poll() is None

    def check(self) -> None:
        """Raise with the end of its output if it is gone."""
        if not self.is_running():
            raise ComponentDiedError(
                f"{self.name} ended by itself with code {self.process.returncode}. "
                f"The end of {self.log}:\n{self.tail()}"
            )

    def tail(self, lines: int = 40) -> str:
        """Last lines of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def family(self) -> list[int]:
        """Every process of its session, itself included."""
        members = []
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) == self.pid and psutil.pid_exists(pid):
                    members.append(pid)
        return members

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the family."""
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, patience: float = 8.0) -> None:
        """End it, politely first."""
        stop_all([self], patience)


def stop_all(components: Sequence[Component], patience: float = 8.0) -> None:
    """
    End components together, politely first.

    :param components: what to end; those already gone are no trouble.
    :param patience: seconds before they are killed.
    """
    for component in components:
        # A stopped process would take no SIGTERM.
        component.signal(signal.SIGCONT)
        component.signal(signal.SIGTERM)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        # poll() takes the exit code, without which the process would stay in the session as a zombie.
        if not any(component.is_running() or component.family() for component in components):
            break
        time.sleep(0.1)
    for component in components:
        component.signal(signal.SIGKILL)
        component.process.wait()
