# SPDX-License-Identifier: Apache-2.0
"""HashiCorp Vault's API served by a real server: the same connection for worker and triggerer, and nothing lost in an outage."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.connection import Connection

from airflow_provider_dreambooth.connection import ConnectionSettings
from dev.demo.ports import free_port
from tests.secrets_backends.account import Account
from tests.secrets_backends.stack import TRAIN, SecretsStack, emulator_of
from tests.system.trainings import known_ids, new_training

if TYPE_CHECKING:
    from tests.secrets_backends.openbao import SecretsServer

#: How a secret can hold a connection.
FORMS = ["fields", "texts", "uri"]
WAITING, STARTED_IN_OUTAGE = "fields", "texts"


@dataclass
class Place:
    """A stack whose connections are in a secrets server, and nowhere else."""

    stack: SecretsStack
    server: SecretsServer
    accounts: dict[str, Account]


@pytest.fixture(scope="module")
def place(secrets_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    from tests.secrets_backends.openbao import BACKEND, SecretsServer

    folder: Path = tmp_path_factory.mktemp("vault")
    port = free_port()
    accounts = {form: Account(form, port) for form in FORMS}
    with SecretsServer(folder / "openbao") as server:
        server.put("fields", accounts["fields"].fields())
        server.put("texts", accounts["texts"].texts())
        server.put("uri", {"conn_uri": accounts["uri"].uri()})
        emulator = emulator_of(folder, accounts.values(), port=port, duration=12)
        config = {
            "secrets.backend": BACKEND,
            "secrets.backend_kwargs": json.dumps(server.backend_options()),
        }
        with SecretsStack(folder, emulator, config=config) as stack:
            yield Place(stack, server, accounts)


@pytest.fixture(scope="module")
def runs(place: Place) -> dict[str, Any]:
    """Every connection read and trained with, all at the same time."""
    train = place.stack.start_run(TRAIN, FORMS)
    readings = place.stack.read(FORMS)
    place.stack.succeed(train)
    return {"train": train, "readings": readings}


@pytest.mark.parametrize("form", FORMS)
def test_worker_and_triggerer_read_the_same(place: Place, runs: dict[str, Any], form: str) -> None:
    assert runs["readings"][form] == (place.accounts[form].settings(),) * 2


@pytest.mark.parametrize("form", FORMS)
def test_each_training_is_paid_and_watched_with_its_own_key(
    place: Place, runs: dict[str, Any], form: str
) -> None:
    account = place.accounts[form]
    [training] = place.stack.trainings_of(account)
    askers = place.stack.askers(training["training_id"])
    assert set(askers) == {account.fingerprint}
    # The first poll is the worker's, before it defers; all others are the triggerer's.
    assert len(askers) >= 2


def test_the_documented_command_writes_what_airflow_reads_with_the_documented_policy(place: Place) -> None:
    from airflow.providers.hashicorp.secrets.vault import VaultBackend
    from hvac.exceptions import Forbidden

    from tests.secrets_backends.openbao import documented

    command = shlex.split(documented("shell", "vault kv put"))
    place.server.command(command[1:], standard_input="The/Key")
    backend = VaultBackend(**place.server.backend_options())
    value = backend.get_conn_value("dreambooth_default")
    settings = ConnectionSettings.from_connection(Connection.from_json(value, conn_id="dreambooth_default"))
    assert (settings.api_key, settings.environment) == ("The/Key", "production")
    with pytest.raises(Forbidden):
        backend.vault_client.client.secrets.kv.v2.list_secrets(path="connections", mount_point="airflow")


def test_a_wait_outlives_an_outage_of_the_server_and_a_task_that_starts_in_it_pays_once_after_it(
    place: Place, runs: dict[str, Any]
) -> None:
    stack, server, client = place.stack, place.server, place.stack.client

    # A task waits; its triggerer has read the connection.
    paid = known_ids(stack)
    waiting_run = stack.start_run(TRAIN, [WAITING])
    training_id = new_training(stack, paid, timeout=300)
    stack.control(training_id, action="freeze", stage="training_started")
    stack.wait_until("the trigger asks", lambda: len(stack.askers(training_id)) >= 2)

    keys = [account.key for account in place.accounts.values()]
    assert stack.traces_of(keys) == [], "while the trigger is stored"

    server.stop()
    # It goes on with what was read; even a refused key, for which the connection is read again, does not end it.
    stack.tell_emulator("faults", {"kind": "invalid_key", "training_id": training_id, "times": 1})
    asked = len(stack.askers(training_id))
    stack.wait_until("the trigger asks on", lambda: len(stack.askers(training_id)) >= asked + 3)
    assert state(stack, waiting_run) == "deferred"

    # A task that starts now pays nothing, says why, and tries again.
    starting_run = stack.start_run(TRAIN, [STARTED_IN_OUTAGE])
    client.wait_for_task(TRAIN, starting_run, "train", {"up_for_retry"}, map_index=0, timeout=300)
    said = client.failure(TRAIN, starting_run, "train", try_number=1, map_index=0)
    assert "DreamboothTransientError: Connection 'texts' could not be read here" in said
    assert "Nothing was sent" in said
    assert len(stack.trainings_of(place.accounts[STARTED_IN_OUTAGE])) == 1

    # A triggerer that starts now has read nothing: it waits for the server as well.
    stack.kill("triggerer")
    asked = len(stack.askers(training_id))
    stack.start_triggerer()
    line = f"The status of training {training_id} is not available, polling again: Connection 'fields' could not be read"
    stack.wait_until("the new triggerer misses the server", lambda: line in every_log(stack))
    assert len(stack.askers(training_id)) == asked
    assert state(stack, waiting_run) == "deferred"

    # Sealed is no better than gone.
    server.start(unseal=False)
    stack.control(training_id, action="ready")
    assert state(stack, waiting_run) == "deferred"
    server.unseal()
    for run_id in (waiting_run, starting_run):
        stack.succeed(run_id)
    assert client.xcom(TRAIN, waiting_run, "train", map_index=0) == training_id
    paid_for = {form: len(stack.trainings_of(account)) for form, account in place.accounts.items()}
    assert paid_for == {"fields": 2, "texts": 2, "uri": 1}


def test_no_key_is_in_a_log_or_in_the_database(place: Place, runs: dict[str, Any]) -> None:
    stack = place.stack
    training_id = stack.client.xcom(TRAIN, runs["train"], "train", map_index=0)
    assert stack.traces_of([training_id]), "the search looks in the wrong place"
    assert stack.traces_of(account.key for account in place.accounts.values()) == []


def state(stack: SecretsStack, run_id: str) -> str:
    """State of the run's only training task."""
    task = stack.client.task_instance(TRAIN, run_id, "train", 0)
    assert task is not None
    return str(task["state"])


def every_log(stack: SecretsStack) -> str:
    """All that was logged, the triggers' lines in the logs of their tasks included."""
    return "".join(path.read_text(errors="replace") for path in stack.log_files())
