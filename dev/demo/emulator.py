# SPDX-License-Identifier: Apache-2.0
"""The local emulator of the service as a process beside Airflow."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import requests

from dev.demo.component import Component
from dev.demo.ports import HOST, free_port


class Emulator:
    """
    A running emulator.

    :param folder: where its log goes.
    :param port: the port to take if it is free.
    :param duration: seconds that a whole training takes.
    :param render: seconds that a rendering takes.
    :param key: the only API key it takes; ``None`` takes any.
    :param options: further command-line options.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        duration: float = 10.0,
        render: float = 1.0,
        key: str | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        self.duration = duration
        self.port = free_port(port)
        self.url = f"http://{HOST}:{self.port}"
        command = [sys.executable, "-m", "airflow_provider_dreambooth.emulator"]
        command += ["--host", HOST, "--port", str(self.port)]
        command += ["--duration", str(duration), "--render", str(render), *options]
        if key is not None:
            command += ["--key", key]
        self.component = Component(
            "emulator", command, os.environ | {"PYTHONUNBUFFERED": "1"}, folder / "emulator.log", folder
        )

    def wait(self, timeout: float = 30.0) -> None:
        """Return as soon as it answers."""
        deadline = time.monotonic() + timeout
        while True:
            self.component.check()
            try:
                self.trainings()
            except requests.RequestException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def trainings(self) -> list[dict[str, Any]]:
        """Every training that it was asked for since it started: what would have been paid."""
        answer = requests.get(f"{self.url}/emulator/trainings", timeout=10)
        answer.raise_for_status()
        found = answer.json()
        return list(found["trainings"] if isinstance(found, dict) else found)

    def journal(self) -> dict[str, Any]:
        """What it was asked: counters, connections, and the requests that ``--request-log`` remembers."""
        answer = requests.get(f"{self.url}/emulator/requests", params={"last": 500_000}, timeout=120)
        answer.raise_for_status()
        return dict(answer.json())

    def polls(self) -> dict[str, list[float]]:
        """When each training's status was asked for, in order, by training id."""
        times: dict[str, list[float]] = defaultdict(list)
        for entry in self.journal()["requests"]:
            if entry["endpoint"].endswith("fine_tune_status"):
                times[entry["path"].rpartition("/")[2]].append(entry["time"])
        return times

    def samples(self) -> str:
        """Address under which it serves sample images."""
        return f"{self.url}/samples"

    def stop(self) -> None:
        """End it."""
        self.component.stop()
