# SPDX-License-Identifier: Apache-2.0
"""The emulator on a real socket: connections counted, cut, truncated and held."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator

BODY = json.dumps(
    {"key": "k", "instance_prompt": "a", "class_prompt": "b", "images": ["https://example.com/1.png"]}
)
HEADERS = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEmulator]:
    with running_emulator(Options(port=0, quiet=True)) as emulator:
        yield emulator


@pytest.fixture
def connection(running: RunningEmulator) -> Iterator[http.client.HTTPConnection]:
    running.service.reset()
    opened = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=5)
    yield opened
    opened.close()


def call(connection: http.client.HTTPConnection, path: str = "/api/v3/fine_tune", body: str = BODY) -> Any:
    connection.request("POST", path, body, HEADERS)
    return connection.getresponse()


@pytest.mark.parametrize(("when", "paid"), [("before", 0), ("after", 1)])
def test_a_cut_connection_gives_no_answer(
    running: RunningEmulator, connection: http.client.HTTPConnection, when: str, paid: int
) -> None:
    running.service.faults.add({"endpoint": "create", "kind": "cut", "when": when, "times": 1})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        call(connection)
    assert len(running.service.trainings) == paid
    assert running.service.journal.statuses == {0: 1}


@pytest.mark.parametrize(("when", "paid"), [("before", 0), ("after", 1)])
def test_a_truncated_answer_ends_before_its_announced_length(
    running: RunningEmulator, connection: http.client.HTTPConnection, when: str, paid: int
) -> None:
    running.service.faults.add({"endpoint": "create", "kind": "truncated", "when": when, "times": 1})
    answer = call(connection)
    assert answer.status == 200
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    assert len(running.service.trainings) == paid


@pytest.mark.parametrize(("when", "paid"), [("before", 0), ("after", 1)])
def test_a_timeout_lasts_until_the_caller_gives_up(
    running: RunningEmulator, connection: http.client.HTTPConnection, when: str, paid: int
) -> None:
    running.service.faults.add({"endpoint": "create", "kind": "timeout", "when": when, "times": 1})
    connection.timeout = 0.3
    with pytest.raises(TimeoutError):
        call(connection)
    connection.close()
    assert json.loads(call(connection, "/api/v3/finetune_list", '{"key":"k"}').read())["status"] == "success"
    assert len(running.service.trainings) == paid


def test_connections_are_counted_and_kept_alive(
    running: RunningEmulator, connection: http.client.HTTPConnection
) -> None:
    for _ in range(5):
        assert call(connection, "/api/v3/finetune_list", '{"key":"k"}').read()
    shown = running.service.journal.description(0)
    assert (shown["connections_opened"], shown["by_endpoint"]["finetune_list"]) == (1, 5)


def test_links_lead_to_the_address_the_caller_used(
    running: RunningEmulator, connection: http.client.HTTPConnection
) -> None:
    body = json.dumps({"key": "k", "model_id": "sdxl", "prompt": "x"})
    answer = json.loads(call(connection, "/api/v4/dreambooth", body).read())
    assert answer["fetch_result"].startswith(running.url + "/api/v3/dreambooth/fetch/")
    assert answer["future_links"][0].startswith(running.url + "/generations/")
