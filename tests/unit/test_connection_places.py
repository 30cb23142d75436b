# SPDX-License-Identifier: Apache-2.0
"""The connection means the same from wherever Airflow takes it: environment, database, a file, a backend's JSON or URI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from airflow.models.connection import Connection as StoredConnection
from airflow.providers.common.compat.sdk import BaseHook
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothAuthError

#: Everything that has a meaning of its own in a URI, a query, JSON, YAML, a .env file or a shell.
KEY = "k:e@y/?#[]%41+&=;,!$'()* \"\\{}é~|^<>`"
EXTRA = {"environment": "production", "timeout": 7.5, "max_concurrent_requests": 3, "verify": False}
FIELDS = {"conn_type": "dreambooth", "host": "https://modelslab.com", "port": 8443, "password": KEY}
URI = (
    f"dreambooth://:{quote(KEY, safe='')}@modelslab.com:8443/https"
    "?environment=production&timeout=7.5&max_concurrent_requests=3&verify=false"
)
WANTED = ConnectionSettings(
    api_key=KEY,
    base_url="https://modelslab.com:8443",
    environment=Environment.PRODUCTION,
    timeout=7.5,
    max_concurrent_requests=3,
    verify=False,
)


def same(read: ConnectionSettings) -> bool:
    """Equal in value and, since 1 == True == 1.0, in type."""
    types = [[type(value) for value in vars(settings).values()] for settings in (read, WANTED)]
    return read == WANTED and types[0] == types[1]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(json.dumps({**FIELDS, "extra": EXTRA}), id="JSON"),
        pytest.param(json.dumps({**FIELDS, "extra": json.dumps(EXTRA)}), id="JSON with its extra as text"),
        pytest.param(
            json.dumps(
                {**FIELDS, "port": "8443", "extra": {name: str(value) for name, value in EXTRA.items()}}
            ),
            id="JSON of nothing but text",
        ),
        pytest.param(json.dumps({**FIELDS, "extra": EXTRA}, indent=2) + "\n", id="JSON over several lines"),
        pytest.param(URI, id="URI"),
        pytest.param(
            URI.split("?")[0] + f"?__extra__={quote(json.dumps(EXTRA))}", id="URI with its extra as JSON"
        ),
        pytest.param(
            URI.replace("modelslab.com:8443/https", "https%3A%2F%2Fmodelslab.com:8443"),
            id="URI with https in its host",
        ),
        pytest.param(URI.replace("false", "False"), id="URI with Python's word"),
    ],
)
def test_text_of_an_environment_variable_or_a_secret(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_ACCOUNT", written)
    # On the server, and in a task or trigger.
    assert same(
        ConnectionSettings.from_connection(StoredConnection.get_connection_from_secrets("my_account"))
    )
    assert same(ConnectionSettings.from_connection(BaseHook.get_connection("my_account")))


LOCAL_FILES: dict[str, dict[str, Any]] = {
    "fields": {**FIELDS, "extra": EXTRA},
    "extra_as_text": {**FIELDS, "extra": json.dumps(EXTRA)},
    "extra_dejson": {**FIELDS, "extra_dejson": EXTRA},
}


@pytest.mark.parametrize("form", LOCAL_FILES)
@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
def test_fields_in_a_local_file(ending: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"connections.{ending}"
    content = {"my_account": LOCAL_FILES[form]}
    path.write_text(json.dumps(content) if ending == "json" else yaml.safe_dump(content), encoding="utf-8")
    assert same(from_file(path))


@pytest.mark.parametrize("ending", ["json", "yaml", "env"])
def test_a_uri_in_a_local_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"connections.{ending}"
    content = {"my_account": URI}
    written = {
        "json": json.dumps(content),
        "yaml": yaml.safe_dump(content),
        "env": f"# comment\n\nmy_account={URI}\n",
    }
    path.write_text(written[ending], encoding="utf-8")
    assert same(from_file(path))


def test_json_in_an_env_file_is_refused_since_airflow_takes_it_for_a_uri(tmp_path: Path) -> None:
    path = tmp_path / "connections.env"
    path.write_text(f"my_account={json.dumps({**FIELDS, 'extra': EXTRA})}\n", encoding="utf-8")
    with pytest.raises(DreamboothAuthError, match=r"'my_account' holds no API key.*In a URI"):
        from_file(path)


@pytest.mark.parametrize("character", "/?#")
def test_a_key_that_is_not_encoded_never_becomes_another_key(
    character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_ACCOUNT", f"dreambooth://:1234{character}5678@modelslab.com")
    with pytest.raises(DreamboothAuthError, match="In a URI it follows a colon, percent-encoded") as refused:
        ConnectionSettings.from_connection(BaseHook.get_connection("my_account"))
    assert "1234" not in str(refused.value)
    assert "5678" not in str(refused.value)


def from_file(path: Path) -> ConnectionSettings:
    """What the local-filesystem backend makes of a file."""
    stored = LocalFilesystemBackend(connections_file_path=str(path)).get_connection("my_account")
    assert stored is not None
    return ConnectionSettings.from_connection(stored)
