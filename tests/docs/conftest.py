"""The documentation's samples run in this process, against an emulator in a thread of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator

#: What a page shows, and what a reader replaces by places of their own.
EMULATOR_ADDRESS = "127.0.0.1:8765"


@pytest.fixture(scope="session")
def emulator() -> Iterator[RunningEmulator]:
    """An emulator whose trainings and pictures are ready at the first look."""
    with running_emulator(Options(port=0, quiet=True, duration=0.01, render=0, environment="production")) as running:
        yield running


@pytest.fixture
def sample_home(
    emulator: RunningEmulator, airflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder that stands for the reader's machine and bucket, and a connection that leads to the emulator."""
    connection = {
        "conn_type": "dreambooth",
        "host": emulator.url,
        "password": "a-key-for-samples",
        "extra": {"environment": "production"},
    }
    dags = tmp_path / "dags"
    dags.mkdir()
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(dags))
    for name in ("DREAMBOOTH_DEFAULT", "DREAMBOOTH_PRODUCTION"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(1, 9):
        picture = requests.get(f"{emulator.url}/samples/fox/{number}.png", timeout=30).content
        (photographs / f"{number}.png").write_bytes(picture)
    return tmp_path


@pytest.fixture
def at_home(sample_home: Path, emulator: RunningEmulator) -> Callable[[str], str]:
    """Put the addresses of this test into a sample's code."""

    def replaced(code: str) -> str:
        host = emulator.url.partition("://")[2]
        for shown, here in (
            (EMULATOR_ADDRESS, host),
            ("/data/", f"{sample_home}/"),
            ("/tmp/", f"{sample_home}/"),
            ("s3://my-bucket/", f"file://{sample_home}/"),
            # Nothing leaves this machine.
            ("https://hooks.example.com/", f"{emulator.url}/"),
        ):
            code = code.replace(shown, here)
        return code

    return replaced
