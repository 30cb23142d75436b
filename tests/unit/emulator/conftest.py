# SPDX-License-Identifier: Apache-2.0
"""An emulator in process, with a clock that only moves when told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from airflow_provider_dreambooth.emulator.application import EmulatorApplication, create_app
from airflow_provider_dreambooth.emulator.clock import ManualClock
from airflow_provider_dreambooth.emulator.options import Options

KEY = "k" * 56 + "Zq7w"
FOX = [f"http://testserver/samples/fox/{number}.png" for number in range(1, 9)]
FULL = 2100.0  # at this length the announced times are the documented ones


class Emulated:
    """A caller of the emulator.

    :param options: the emulator's switches.
    """

    def __init__(self, options: Options) -> None:
        self.clock = ManualClock()
        self.application: EmulatorApplication = create_app(options, self.clock)
        self.service = self.application.service
        self.http = TestClient(self.application)

    def post(self, path: str, key: str = KEY, **body: Any) -> Any:
        return self.http.post(f"/api/{path}", json={"key": key, **body})

    def answer(self, path: str, key: str = KEY, **body: Any) -> Any:
        return self.post(path, key, **body).json()

    def create(self, path: str = "v3/fine_tune", **changes: Any) -> Any:
        body = {
            "instance_prompt": "photo of zwx fox",
            "class_prompt": "photo of fox",
            "images": FOX,
            **changes,
        }
        return self.post(path, **body)

    def trained(self, path: str = "v3/fine_tune", **changes: Any) -> str:
        training_id = str(self.create(path, **changes).json()["training_id"])
        self.clock.advance(self.service.options.duration)
        return training_id

    def stage(self, training_id: str, path: str = "v3/fine_tune_status") -> str:
        return str(self.answer(f"{path}/{training_id}")["messege"])

    def trainings(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.http.get("/emulator/trainings").json()
        return listed

    def fault(self, **rule: Any) -> Any:
        return self.http.post("/emulator/faults", json=rule)


@pytest.fixture
def emulate() -> Callable[..., Emulated]:
    """Make emulators with the given options."""

    def make(**options: Any) -> Emulated:
        return Emulated(Options(**{"quiet": True, "duration": FULL, "render": 0.0, **options}))

    return make
