# SPDX-License-Identifier: Apache-2.0
"""The stack with connections in many places, and what its runs and its emulator tell of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from dev.demo.component import Component
from dev.demo.emulator import Emulator
from tests.secrets_backends.account import Account
from tests.system.stack import SystemStack

HERE = Path(__file__).parent
READ = "read_connections"
TRAIN = "train_by_connections"


class SecretsStack(SystemStack):
    """
    A stack for connections that are not in the database.

    :param folder: where everything is kept.
    :param emulator: takes the keys of all accounts and no other.
    :param config: Airflow options.
    :param variables: environment variables of every component.
    :param own_variables: further ones of single components, by their names; a task has those of the scheduler.
    """

    def __init__(
        self,
        folder: Path,
        emulator: Emulator,
        *,
        config: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        own_variables: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(
            folder,
            emulator,
            dag_folders=[HERE / "dags"],
            api_key=None,
            config={"core.plugins_folder": str(HERE / "plugins"), **config},
            variables=variables,
        )
        self.own_variables = own_variables or {}

    def start_component(self, name: str, *command: str) -> Component:
        """Start one of Airflow's commands with the variables that it alone has."""
        common = self.environment
        self.environment = common | dict(self.own_variables.get(name, {}))
        try:
            return super().start_component(name, *command)
        finally:
            self.environment = common

    def restart(self, *names: str) -> None:
        """Start components again, with what the environment is by now."""
        for name in names:
            self.components.pop(name).stop()
            self.start_component(name, name, "--skip-serve-logs")

    def wait_until(self, what: str, ready: Callable[[], bool], timeout: float = 180.0) -> None:
        """Return as soon as something is so."""
        deadline = time.monotonic() + timeout
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not within {timeout:.0f} s: {what}. Logs: {self.folder}")
            time.sleep(0.3)

    def start_run(self, dag_id: str, connections: Sequence[str]) -> str:
        """Start a DAG for these connections, in this order, and return the run's id."""
        self.client.wait_for_dag(dag_id, timeout=120)
        return self.client.trigger(dag_id, conf={"connections": list(connections)})

    def succeed(self, run_id: str, dag_id: str = TRAIN) -> None:
        """Return when a run has succeeded."""
        state = self.client.wait_for_run(dag_id, run_id, timeout=400)
        assert state == "success", self.client.describe(dag_id, run_id)

    def read(self, connections: Sequence[str]) -> dict[str, tuple[Any, Any]]:
        """Return what worker and triggerer make of each connection."""
        run_id = self.start_run(READ, connections)
        return self.readings(run_id, connections)

    def readings(self, run_id: str, connections: Sequence[str]) -> dict[str, tuple[Any, Any]]:
        """Return what worker and triggerer made of each connection in a run of theirs."""
        self.succeed(run_id, READ)
        found = {}
        for index, conn_id in enumerate(connections):
            found[conn_id] = (
                self.client.xcom(READ, run_id, "read", key="worker", map_index=index),
                self.client.xcom(READ, run_id, "read", key="triggerer", map_index=index),
            )
        return found

    def requests(self) -> list[dict[str, Any]]:
        """The emulator's log of requests."""
        answer = requests.get(f"{self.emulator.url}/emulator/requests?last=100000", timeout=30)
        answer.raise_for_status()
        return list(answer.json()["requests"])

    def askers(self, training_id: str) -> list[str]:
        """Accounts that asked for a training, one for each request."""
        return [request["account"] for request in self.requests() if request["path"].endswith(training_id)]

    def trainings_of(self, account: Account) -> list[dict[str, Any]]:
        """What an account paid for."""
        return [one for one in self.emulator.trainings() if one["account"] == account.fingerprint]

    def control(self, training_id: str, **wish: str) -> None:
        """Let a training go on, stop or end, as the emulator's control interface takes it."""
        self.tell_emulator(f"trainings/{training_id}", wish)

    def tell_emulator(self, path: str, wish: Mapping[str, Any]) -> None:
        """Ask the emulator's control interface for something."""
        requests.post(f"{self.emulator.url}/emulator/{path}", json=wish, timeout=30).raise_for_status()

    def traces_of(self, keys: Iterable[str]) -> list[str]:
        """Where a key can be read, in any spelling: of logs and cells of the database."""
        spellings = {form for key in keys for form in (key, quote(key, safe=""), quote(key), json.dumps(key))}
        found = [
            str(path)
            for path in self.log_files()
            if any(form in path.read_text(errors="replace") for form in spellings)
        ]
        found += [
            f"{table}.{column}"
            for table, column, text in self.cells()
            if any(form in text for form in spellings)
        ]
        return found


def emulator_of(folder: Path, accounts: Iterable[Account], *, port: int, duration: float) -> Emulator:
    """Start an emulator that takes the keys of these accounts and no other."""
    keys = tuple(word for account in accounts for word in ("--key", account.key))
    return Emulator(folder, port=port, duration=duration, options=(*keys, "--request-log", "100000"))
