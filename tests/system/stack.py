# SPDX-License-Identifier: Apache-2.0
"""
The stack for system tests: what the demo starts, and ways to look inside and to break it.

Signals go only to processes that the stack itself started.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy

from dev.demo.stack import Stack


class SystemStack(Stack):
    """A :class:`demo.stack.Stack` that can be broken, process by process, and whose database can be read."""

    def log_files(self) -> Iterator[Path]:
        """Every log file there is: of the components, of the tasks, of the dag processor."""
        for folder in (self.logs, self.home / "logs"):
            yield from (path for path in folder.rglob("*") if path.is_file())
        yield self.emulator.component.log

    def query(self, statement: str, **values: Any) -> list[Any]:
        """Rows of a query to the metadata database, with ``:name`` for values."""
        engine = sqlalchemy.create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                return list(connection.execute(sqlalchemy.text(statement), values))
        finally:
            engine.dispose()

    def cells(self) -> Iterator[tuple[str, str, str]]:
        """Every cell of the metadata database as (table, column, text)."""
        engine = sqlalchemy.create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                for table in sqlalchemy.inspect(engine).get_table_names():
                    # Plain text: no type of the model may decode a cell on the way.
                    rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"')
                    names = list(rows.keys())
                    for row in rows:
                        for name, value in zip(names, row, strict=True):
                            if isinstance(value, bytes | memoryview):
                                yield table, name, bytes(value).decode("latin-1")
                            elif value is not None:
                                yield table, name, str(value)
        finally:
            engine.dispose()

    def kill(self, name: str) -> None:
        """SIGKILL a component with all its children, as a power cut would."""
        component = self.components.pop(name)
        component.signal(signal.SIGKILL)
        component.process.wait()

    def freeze(self, name: str) -> None:
        """SIGSTOP a component with all its children; :meth:`thaw` wakes it."""
        self.components[name].signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Wake a frozen component."""
        self.components[name].signal(signal.SIGCONT)

    def start_triggerer(self, name: str = "triggerer") -> None:
        """Start a triggerer, after a kill or as a further one."""
        self.start_component(name, "triggerer", "--skip-serve-logs")

    def task_process(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> psutil.Process:
        """
        The process in which a running task's own code runs; its parent is the task's supervisor.

        Refused when that process is none of ours.
        """
        task = self.client.task_instance(dag_id, run_id, task_id, map_index)
        assert task is not None, f"{task_id} [{map_index}] has no task instance yet"
        assert task["pid"], f"{task_id} [{map_index}] is {task['state']} and has no process"
        sessions = {component.pid for component in self.components.values()}
        assert os.getsid(task["pid"]) in sessions, f"process {task['pid']} was not started by this stack"
        return psutil.Process(task["pid"])
