# SPDX-License-Identifier: Apache-2.0
"""Environment variables, the database and local files: the same connection for the worker and the triggerer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.demo.ports import free_port
from tests.secrets_backends.account import Account
from tests.secrets_backends.stack import TRAIN, SecretsStack, emulator_of

BACKEND = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
EVERYWHERE = ["variable_uri", "variable_json", "database", "file_json", "file_yaml"]
#: Set for one component only.
HALF = ["only_api_server", "only_workers", "only_triggerer"]
LATER = ["file_env"]


class Place:
    """A stack whose connections are in many places."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.accounts = {name: Account(name, self.port) for name in [*EVERYWHERE, *HALF, *LATER]}
        self.folder = folder

    def file(self, ending: str, content: str) -> str:
        """Write a file of connections and return its name as options of the backend."""
        path = self.folder / f"connections.{ending}"
        path.write_text(content, encoding="utf-8")
        return json.dumps({"connections_file_path": str(path)})

    def stack(self) -> SecretsStack:
        accounts = self.accounts
        variable = {name: f"AIRFLOW_CONN_{name.upper()}" for name in accounts}
        return SecretsStack(
            self.folder,
            emulator_of(self.folder, accounts.values(), port=self.port, duration=12),
            config={
                # For the api-server, the scheduler and the triggerer itself.
                "secrets.backend": BACKEND,
                "secrets.backend_kwargs": self.file(
                    "json", json.dumps({"file_json": accounts["file_json"].fields()})
                ),
                # For what runs in tasks and triggers.
                "workers.secrets_backend": BACKEND,
                "workers.secrets_backend_kwargs": self.file(
                    "yaml", yaml.safe_dump({"file_yaml": accounts["file_yaml"].fields()})
                ),
            },
            variables={
                variable["variable_uri"]: accounts["variable_uri"].uri(),
                variable["variable_json"]: json.dumps(accounts["variable_json"].fields()),
            },
            own_variables={
                "api-server": {variable["only_api_server"]: accounts["only_api_server"].uri()},
                "scheduler": {variable["only_workers"]: accounts["only_workers"].uri()},
                "triggerer": {variable["only_triggerer"]: accounts["only_triggerer"].uri()},
            },
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("files-and-variables"))


@pytest.fixture(scope="module")
def stack(place: Place) -> Iterator[SecretsStack]:
    with place.stack() as running:
        database = place.accounts["database"]
        fields = database.fields() | {"extra": json.dumps(database.extra)}
        running.client.create_connection({"connection_id": "database", **fields})
        yield running


@pytest.fixture(scope="module")
def runs(stack: SecretsStack) -> dict[str, Any]:
    """Every connection read, and those that are everywhere trained with, all at the same time."""
    train = stack.start_run(TRAIN, EVERYWHERE)
    read = stack.start_run("read_connections", [*EVERYWHERE, *HALF])
    readings = stack.readings(read, [*EVERYWHERE, *HALF])
    stack.succeed(train)
    return {"train": train, "readings": readings}


@pytest.mark.parametrize("name", EVERYWHERE)
def test_worker_and_triggerer_read_the_same(runs: dict[str, Any], place: Place, name: str) -> None:
    assert runs["readings"][name] == (place.accounts[name].settings(),) * 2


@pytest.mark.parametrize("name", EVERYWHERE)
def test_each_training_is_paid_and_watched_with_its_own_key(
    stack: SecretsStack, runs: dict[str, Any], place: Place, name: str
) -> None:
    account = place.accounts[name]
    [training] = stack.trainings_of(account)
    index = EVERYWHERE.index(name)
    assert stack.client.xcom(TRAIN, runs["train"], "train", map_index=index) == training["training_id"]
    askers = stack.askers(training["training_id"])
    assert set(askers) == {account.fingerprint}
    # The first poll is the worker's, before it defers; all others are the triggerer's.
    assert len(askers) >= 2


def test_nobody_asked_with_another_key(stack: SecretsStack, runs: dict[str, Any]) -> None:
    assert [request for request in stack.requests() if not request["account"]] == []


@pytest.mark.parametrize(
    ("name", "worker", "triggerer"),
    [("only_api_server", True, False), ("only_workers", True, False), ("only_triggerer", False, True)],
)
def test_a_variable_of_one_component_is_not_there_for_all(
    runs: dict[str, Any], place: Place, name: str, worker: bool, triggerer: bool
) -> None:
    for read, there in zip(runs["readings"][name], (worker, triggerer), strict=True):
        if there:
            assert read == place.accounts[name].settings()
        else:
            assert f"Connection '{name}' could not be read here" in read["error"]


def test_an_env_file(stack: SecretsStack, runs: dict[str, Any], place: Place) -> None:
    account = place.accounts["file_env"]
    options = place.file("env", f"# one line each\nfile_env={account.uri()}\n")
    stack.environment["AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"] = options
    stack.restart("scheduler", "triggerer")
    train = stack.start_run(TRAIN, ["file_env"])
    assert stack.read(["file_env"])["file_env"] == (account.settings(),) * 2
    stack.succeed(train)
    [training] = stack.trainings_of(account)
    assert set(stack.askers(training["training_id"])) == {account.fingerprint}


def test_no_key_is_in_a_log_or_in_the_database(
    stack: SecretsStack, runs: dict[str, Any], place: Place
) -> None:
    training_id = stack.client.xcom(TRAIN, runs["train"], "train", map_index=0)
    assert stack.traces_of([training_id]), "the search looks in the wrong place"
    assert stack.traces_of(account.key for account in place.accounts.values()) == []
