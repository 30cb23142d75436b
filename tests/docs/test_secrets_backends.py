# SPDX-License-Identifier: Apache-2.0
"""The samples of the page on secrets backends make backends, and connections, that can be used."""

from __future__ import annotations

import configparser
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_dreambooth.connection import ConnectionSettings
from tests.docs.fences import ROOT, fences
from tests.requirements import required_modules

PAGE = list(fences(ROOT / "docs/how-to/secrets-backends.md"))


def of(language: str) -> list[Any]:
    """The page's samples in a language."""
    return [pytest.param(fence.code, id=str(fence)) for fence in PAGE if fence.language == language]


@pytest.mark.parametrize("sample", of("ini"))
def test_a_backend_takes_its_options(sample: str) -> None:
    # Airflow's own reader of these options leaves out no character either.
    parser = configparser.RawConfigParser()
    parser.read_string(sample)
    module, _, name = parser.get("secrets", "backend").rpartition(".")
    required_modules(module, group="secrets")
    backend = getattr(importlib.import_module(module), name)
    assert backend(**json.loads(parser.get("secrets", "backend_kwargs")))


@pytest.mark.parametrize(("ending", "sample"), [("yaml", *param.values) for param in of("yaml")])
def test_a_local_file_is_read(ending: str, sample: str, tmp_path: Path) -> None:
    path = tmp_path / f"connections.{ending}"
    path.write_text(sample, encoding="utf-8")
    for conn_id in yaml.safe_load(sample):
        stored = LocalFilesystemBackend(connections_file_path=str(path)).get_connection(conn_id)
        assert stored is not None
        assert ConnectionSettings.from_connection(stored).environment == "production"


@pytest.mark.parametrize("sample", of("json"))
def test_a_secret_is_a_connection(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.common.compat.sdk import BaseHook

    monkeypatch.setenv("AIRFLOW_CONN_MY_ACCOUNT", sample)
    settings = ConnectionSettings.from_connection(BaseHook.get_connection("my_account"))
    assert (settings.api_key, settings.base_url) == ("YOUR-KEY", "https://modelslab.com")


def test_the_line_of_an_env_file_is_read(tmp_path: Path) -> None:
    text = (ROOT / "docs/how-to/secrets-backends.md").read_text(encoding="utf-8")
    line = text.partition("A `.env` file has lines `")[2].partition("`")[0]
    path = tmp_path / "connections.env"
    path.write_text(line + "\n", encoding="utf-8")
    stored = LocalFilesystemBackend(connections_file_path=str(path)).get_connection("dreambooth_default")
    assert stored is not None
    settings = ConnectionSettings.from_connection(stored)
    assert (settings.api_key, settings.environment) == ("YOUR-KEY", "production")
