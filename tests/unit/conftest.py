# SPDX-License-Identifier: Apache-2.0
"""A real server for unit tests: the emulator in a thread, with a clock that only moves when told to."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from tests.airflow_version import AIRFLOW

if TYPE_CHECKING:
    from airflow_provider_dreambooth.emulator.server import RunningEmulator


class Served:
    """
    One account at the emulator, and the connection ``dreambooth_default`` that leads there.

    :param running: the server.
    :param monkeypatch: sets the connection.
    """

    def __init__(self, running: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = running.url
        self.service = running.service
        self.key = f"secret{secrets.token_hex(16)}"
        self._monkeypatch = monkeypatch

    def connect(self, conn_id: str = "dreambooth_default", **changes: Any) -> None:
        """Set a connection in the environment, as a user would."""
        extra = {"environment": "production", "timeout": 10, **changes.pop("extra", {})}
        fields = {
            "conn_type": "dreambooth",
            "host": self.url,
            "password": self.key,
            "extra": extra,
            **changes,
        }
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))

    def train(self, **changes: Any) -> str:
        """Start a training and return its id."""
        from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

        inputs = {
            "instance_prompt": "photo of zwx fox",
            "class_prompt": "photo of fox",
            "images": [f"{self.url}/samples/fox/{number}.png" for number in range(1, 9)],
            **changes,
        }
        return DreamboothHook().fine_tune(**inputs).training_id

    def force(self, training_id: str, action: str, **wish: Any) -> None:
        """Do to a training what the control endpoint offers: fail, ready, cancel, vanish, freeze."""
        from airflow_provider_dreambooth.emulator.training_endpoints import force

        force(self.service, self.service.trainings[training_id], {"action": action, **wish})

    def stage(self, training_id: str) -> str:
        return self.service.trainings[training_id].stage(self.service.clock.now())

    def fault(self, kind: str, **rule: Any) -> None:
        """Spoil calls."""
        self.service.faults.add({"kind": kind, **rule})


@pytest.fixture(scope="session")
def running() -> Iterator[RunningEmulator]:
    """The emulator, serving for the whole session."""
    from airflow_provider_dreambooth.emulator.clock import ManualClock
    from airflow_provider_dreambooth.emulator.options import Options
    from airflow_provider_dreambooth.emulator.server import running_emulator

    options = Options(port=0, quiet=True, duration=1800.0, render=0.0)
    with running_emulator(options, ManualClock()) as emulator:
        yield emulator


@pytest.fixture
def served(running: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A fresh account with its connection."""
    account = Served(running, monkeypatch)
    account.connect()
    yield account
    running.service.faults.clear()
    running.service.options.render = 0.0


@pytest.fixture(autouse=True)
def no_name_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every host name but this machine's be unknown at once: no test depends on a name server."""
    resolve = socket.getaddrinfo

    def resolve_here(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not name or name == "localhost" or _is_address(name):
            return resolve(host, *arguments, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)


def _is_address(name: str) -> bool:
    if ":" in name:
        return True
    try:
        # Takes shortened and hexadecimal spellings as well.
        socket.inet_aton(name)
    except OSError:
        return False
    return True


@pytest.fixture(autouse=True)
def task_state_is_looked_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let tests of a task's life, which bring a task state store along, do so on every Airflow.

    What the provider does without one is in ``runtime``, and in the examples on a real Airflow.
    """
    if Version("3.3") <= AIRFLOW or request.path.parent.name == "runtime":
        return
    from airflow_provider_dreambooth.runtime import compat

    monkeypatch.setattr(compat, "AIRFLOW_V_3_3_PLUS", True)
    monkeypatch.setattr(compat, "CAN_LIST_VARIABLES", True)
