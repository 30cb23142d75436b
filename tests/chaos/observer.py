# SPDX-License-Identifier: Apache-2.0
"""Watches every task instance of the stack by one query a moment, so that a hundred points do not each ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy

_QUERY = sqlalchemy.text(
    "SELECT dag_id, run_id, map_index, state, try_number, max_tries FROM task_instance WHERE task_id = 'train'"
)


@dataclass(frozen=True)
class Seen:
    """A task instance as Airflow's database has it."""

    run_id: str
    map_index: int
    state: str | None
    try_number: int
    max_tries: int


class Observer:
    """
    The present state of all task instances.

    :param database_url: Airflow's metadata database.
    """

    def __init__(self, database_url: str) -> None:
        self._engine = sqlalchemy.create_engine(database_url)
        self._changed = threading.Condition()
        self._seen: dict[str, list[Seen]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="observer", daemon=True)

    def __enter__(self) -> Observer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._engine.dispose()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            try:
                with self._engine.connect() as connection:
                    rows = list(connection.execute(_QUERY))
            except sqlalchemy.exc.OperationalError:
                continue  # the database is busy, or down for a moment: look again
            seen: dict[str, list[Seen]] = {}
            for dag_id, run_id, map_index, state, try_number, max_tries in rows:
                seen.setdefault(dag_id, []).append(Seen(run_id, map_index, state, try_number, max_tries))
            with self._changed:
                self._seen = seen
                self._changed.notify_all()

    def tasks(self, dag_id: str, prefix: str) -> list[Seen]:
        """Task instances of the runs of a DAG whose ids begin with a prefix, in order."""
        found = [task for task in self._seen.get(dag_id, []) if task.run_id.startswith(prefix)]
        return sorted(found, key=lambda task: (task.run_id, task.map_index))

    def wait(self, what: str, ready: Callable[[], bool], timeout: float) -> None:
        """Return when something is so; it is looked at after each query, twice a second."""
        deadline = time.monotonic() + timeout
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:.0f} s: {what}")
            with self._changed:
                self._changed.wait(1.0)
