# SPDX-License-Identifier: Apache-2.0
"""A real Airflow with the local emulator beside it: started together, stopped together."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from dev.demo.airflow_client import AirflowClient
from dev.demo.airflow_settings import PASSWORD, USER, airflow_environment
from dev.demo.component import Component, ComponentDiedError, stop_all
from dev.demo.emulator import Emulator
from dev.demo.ports import HOST, free_port

EXAMPLES = Path(__file__).parents[2] / "example_dags"
CONNECTION_ID = "dreambooth_default"


class Stack:
    """
    Scheduler, dag processor, triggerers and api-server of a real Airflow, and the emulator.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    :param folder: everything is kept here: Airflow's home, logs, the metadata database.
    :param emulator: a started emulator; it is stopped with the rest.
    :param dag_folders: folders with DAG files.
    :param database_url: metadata database; ``None`` takes an SQLite file in the folder.
    :param port: port of the api-server, if it is free.
    :param api_key: the key in the connection ``dreambooth_default``; ``None`` creates no connection.
    :param environment: ``sandbox`` or ``production``, for that connection.
    :param triggerers: how many triggerers run.
    :param schedules: whether DAGs also start by their schedule.
    :param config: further Airflow options, ``section.option`` to value.
    :param variables: further environment variables of every component.
    :param say: is told what happens while it starts.
    """

    def __init__(
        self,
        folder: Path,
        emulator: Emulator,
        *,
        dag_folders: Sequence[Path] = (EXAMPLES,),
        database_url: str | None = None,
        port: int = 0,
        api_key: str | None = "emulator-key",
        environment: str = "sandbox",
        triggerers: int = 1,
        schedules: bool = False,
        config: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder = folder
        self.emulator = emulator
        self.home = folder / "airflow"
        self.logs = folder / "logs"
        self.port = free_port(port)
        self.url = f"http://{HOST}:{self.port}"
        self.database_url = database_url or f"sqlite:///{self.home}/airflow.db"
        self.output = folder / "output"
        self.api_key = api_key
        self.connection_environment = environment
        self.environment = airflow_environment(
            self.home,
            port=self.port,
            dag_folders=dag_folders,
            database_url=self.database_url,
            schedules=schedules,
            config=config,
        ) | {
            "DREAMBOOTH_EXAMPLE_IMAGES": emulator.samples(),
            "DREAMBOOTH_EXAMPLE_OUTPUT": str(self.output),
            "DREAMBOOTH_EXAMPLE_POLL_INTERVAL": "3",
        }
        self.environment |= dict(variables or {})
        self.triggerers = [
            "triggerer" if number == 1 else f"triggerer-{number}" for number in range(1, triggerers + 1)
        ]
        self.components: dict[str, Component] = {}
        self.client = AirflowClient(self.url, USER, PASSWORD)
        self.say = say

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and return when all of it is healthy; on a failure nothing is left running."""
        try:
            self.say("Preparing the metadata database")
            self.migrate()
            self.say("Starting scheduler, dag processor, triggerer and api-server")
            self.start_components()
            self.emulator.wait()
            self.wait_until_healthy()
            self.client.login()
            if self.api_key is not None:
                self.client.create_connection(self.connection(self.api_key))
        except BaseException:
            self.stop()
            raise

    def start_components(self) -> None:
        """Start all of Airflow, without waiting for it."""
        self.start_component("api-server", "api-server")
        self.start_component("scheduler", "scheduler", "--skip-serve-logs")
        self.start_component("dag-processor", "dag-processor")
        for name in self.triggerers:
            self.start_component(name, "triggerer", "--skip-serve-logs")

    def migrate(self) -> None:
        """Create or update the metadata database."""
        migration = self.start_component("migration", "db", "migrate")
        if migration.process.wait() != 0:
            migration.check()
        del self.components["migration"]

    def start_component(self, name: str, *command: str) -> Component:
        """Start one of Airflow's commands under a name; the log gets that name too."""
        component = Component(
            name,
            [sys.executable, "-m", "airflow", *command],
            self.environment,
            self.logs / f"{name}.log",
            self.folder,
        )
        self.components[name] = component
        return component

    def wait_until_healthy(self, timeout: float = 240.0) -> None:
        """Return as soon as every component reports to be healthy."""
        deadline = time.monotonic() + timeout
        health: Mapping[str, str | None] = {}
        while True:
            for component in self.components.values():
                component.check()
            try:
                health = self.client.health()
            except requests.RequestException as error:
                health = {"api-server": type(error).__name__}
            wanted = ("metadatabase", "scheduler", "triggerer", "dag_processor")
            if all(health.get(name) == "healthy" for name in wanted):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"Airflow is not healthy after {timeout:.0f} s: {health}. Logs: {self.logs}"
                )
            time.sleep(0.25)

    def connection(self, api_key: str, connection_id: str = CONNECTION_ID) -> dict[str, Any]:
        """The connection that leads to the emulator, as the REST API takes it."""
        return {
            "connection_id": connection_id,
            "conn_type": "dreambooth",
            "host": f"http://{HOST}",
            # In its own field: the Test button of Airflow 3.3.2 refuses a connection without a port.
            "port": self.emulator.port,
            "password": api_key,
            "extra": f'{{"environment": "{self.connection_environment}"}}',
        }

    def check(self) -> None:
        """Raise if a component ended by itself."""
        for component in [self.emulator.component, *self.components.values()]:
            component.check()

    def stop(self) -> None:
        """End everything that was started."""
        stop_all([*self.components.values(), self.emulator.component])
        self.components.clear()


__all__ = ["CONNECTION_ID", "EXAMPLES", "ComponentDiedError", "Stack"]
