# SPDX-License-Identifier: Apache-2.0
"""AWS Secrets Manager, as Airflow's released backend reads it over HTTP from a server on loopback."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from airflow_provider_dreambooth.connection import ConnectionSettings
from tests.secrets_backends.account import Account
from tests.storage.conftest import s3_server

__all__ = ["s3_server"]

ACCOUNT = Account("my_account", 8765)
FORMS = {
    "fields": json.dumps(ACCOUNT.fields()),
    "texts": json.dumps(ACCOUNT.texts()),
    "uri": ACCOUNT.uri(),
}


@pytest.fixture
def backend(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The backend, with the server as AWS."""
    from airflow.models.connection import Connection
    from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    options: dict[str, Any] = {
        "connections_prefix": "airflow/connections",
        "variables_prefix": None,
        "config_prefix": None,
        "region_name": "us-east-1",
        "endpoint_url": s3_server,
    }
    backend = SecretsManagerBackend(**options)
    # As Airflow does when it makes a backend from its settings.
    if hasattr(backend, "_set_connection_class"):
        backend._set_connection_class(Connection)
    return backend


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_secret_means_the_same(backend: Any, form: str) -> None:
    backend.client.create_secret(Name=f"airflow/connections/{form}", SecretString=FORMS[form])
    settings = ConnectionSettings.from_connection(backend.get_connection(form))
    assert settings.api_key == ACCOUNT.key
    assert vars(settings) == ACCOUNT.settings() | {"api_key": ACCOUNT.key, "unused": ()}
