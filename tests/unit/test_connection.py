# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import traceback
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.connection import Connection as StoredConnection
from airflow.providers.common.compat.sdk import BaseHook, Connection

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.connection_form import ui_field_behaviour, ui_field_behaviour_metadata
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothValidationError,
)

KEY = "kEy/with+odd=characters&more"


def connection(**fields: Any) -> Any:
    extra = fields.pop("extra", {})
    values = {"conn_id": "my_account", "host": None, "schema": None, "port": None, "password": KEY}
    return SimpleNamespace(**(values | fields), extra_dejson=extra)


def settings(**fields: Any) -> ConnectionSettings:
    return ConnectionSettings.from_connection(connection(**fields))


def test_a_key_alone_is_enough() -> None:
    assert settings() == ConnectionSettings(
        api_key=KEY,
        base_url="https://stablediffusionapi.com",
        environment=Environment.SANDBOX,
        timeout=30.0,
        max_concurrent_requests=5,
        verify=True,
    )


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({"host": "https://modelslab.com"}, "https://modelslab.com"),
        ({"host": " https://modelslab.com/ "}, "https://modelslab.com"),
        ({"host": "modelslab.com"}, "https://modelslab.com"),
        ({"host": "HTTPS://ModelsLab.com"}, "https://modelslab.com"),
        ({"host": "https://modelslab.com/api/v3/fine_tune"}, "https://modelslab.com"),
        ({"host": "modelslab.com/api"}, "https://modelslab.com"),
        ({"host": "http://emulator:8765"}, "http://emulator:8765"),
        ({"host": "http://emulator", "port": 8765}, "http://emulator:8765"),
        ({"host": "http://emulator:1", "port": 8765}, "http://emulator:1"),
        ({"host": "emulator", "schema": "http", "port": 8765}, "http://emulator:8765"),
        ({"host": "emulator", "schema": "HTTP"}, "http://emulator"),
        ({"host": "emulator:8765", "schema": ""}, "https://emulator:8765"),
        ({"host": "https://emulator", "schema": "http"}, "https://emulator"),
        ({"host": "127.0.0.1:8765"}, "http://127.0.0.1:8765"),
        ({"host": "localhost", "port": 8765}, "http://localhost:8765"),
        ({"host": "localhost", "schema": "https"}, "https://localhost"),
        ({"host": "::1", "port": 8765}, "http://[::1]:8765"),
        ({"host": "[::1]:8765"}, "http://[::1]:8765"),
        ({"host": "https://[2001:db8::5]:8765"}, "https://[2001:db8::5]:8765"),
        ({"host": "2001:db8::5"}, "https://[2001:db8::5]"),
    ],
)
def test_base_url(fields: dict[str, Any], base_url: str) -> None:
    assert settings(**fields).base_url == base_url


@pytest.mark.parametrize(
    "host",
    [
        "ftp://modelslab.com",
        "https://",
        "https://models lab.com",
        "https://modelslab.com:port",
        "https://user:word@modelslab.com",
        "https://modelslab.com/?key=1",
        "https://proxy.example/stable/diffusion",
        "https://[::1",
    ],
)
def test_an_unusable_host_is_refused(host: str) -> None:
    with pytest.raises(DreamboothValidationError, match=r"'my_account'.*'host'") as refused:
        settings(host=host)
    assert "word" not in str(refused.value)


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(
        DreamboothValidationError, match=r"'my_account'.*'port' must be a number from 1 to 65535"
    ):
        settings(host="modelslab.com", port=port)


def test_an_unusable_schema_is_refused() -> None:
    with pytest.raises(DreamboothValidationError, match=r"'schema' must say http or https, not 'public'"):
        settings(host="emulator", schema="public")


@pytest.mark.parametrize(
    ("extra", "name", "value"),
    [
        ({"environment": "production"}, "environment", Environment.PRODUCTION),
        ({"environment": " Production "}, "environment", Environment.PRODUCTION),
        ({"environment": ""}, "environment", Environment.SANDBOX),
        ({"environment": None}, "environment", Environment.SANDBOX),
        ({"timeout": 5}, "timeout", 5.0),
        ({"timeout": "2.5"}, "timeout", 2.5),
        ({"timeout": ""}, "timeout", 30.0),
        ({"max_concurrent_requests": "7"}, "max_concurrent_requests", 7),
        ({"max_concurrent_requests": 1.0}, "max_concurrent_requests", 1),
        ({"verify": True}, "verify", True),
        ({"verify": False}, "verify", False),
        ({"verify": "False"}, "verify", False),
        ({"verify": "0"}, "verify", False),
        ({"verify": "true"}, "verify", True),
        ({"verify": 1}, "verify", True),
        ({"verify": None}, "verify", True),
        ({"verify": __file__}, "verify", __file__),
        ({}, "inference_api", "auto"),
        ({"inference_api": " V6 "}, "inference_api", "v6"),
        ({}, "max_trainings_per_day", None),
        ({"max_trainings_per_day": ""}, "max_trainings_per_day", None),
        ({"max_trainings_per_day": "12"}, "max_trainings_per_day", 12),
        ({"hf_token": " hf_abcdef\n"}, "hf_token", "hf_abcdef"),
        ({"hf_token": ""}, "hf_token", None),
        ({"extra__dreambooth__environment": "production"}, "environment", Environment.PRODUCTION),
        ({"extra__dreambooth__timeout": "12", "timeout": ""}, "timeout", 12.0),
        ({"extra__dreambooth__verify": False, "verify": False}, "verify", False),
        ({"extra__dreambooth__gone": "", "extra__other__timeout": 3}, "timeout", 30.0),
    ],
)
def test_extra(extra: dict[str, Any], name: str, value: object) -> None:
    read = getattr(settings(extra=extra), name)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ({"environment": "live"}, "'environment' must be 'sandbox' or 'production', not 'live'"),
        ({"timeout": "soon"}, "'timeout' must be a number of seconds"),
        ({"timeout": 0}, "'timeout' must be a number of seconds"),
        ({"timeout": True}, "'timeout' must be a number of seconds"),
        ({"timeout": "inf"}, "'timeout' must be a number of seconds"),
        ({"max_concurrent_requests": 0}, "'max_concurrent_requests' must be a whole number from 1 up"),
        ({"max_concurrent_requests": "2.5"}, "'max_concurrent_requests' must be a whole number from 1 up"),
        ({"max_concurrent_requests": [5]}, "'max_concurrent_requests' must be a whole number from 1 up"),
        ({"verify": "/no/such/bundle.pem"}, "'/no/such/bundle.pem' does not exist"),
        (["environment"], "'extra' must be a JSON object"),
        ({"timeout": 1e300}, "'timeout' must be a number of seconds up to a day"),
        ({"inference_api": "v5"}, "'inference_api' must be 'auto', 'v4' or 'v6', not 'v5'"),
        ({"max_trainings_per_day": 0}, "'max_trainings_per_day' must be a whole number from 1 up"),
        ({"hf_token": 5}, "'hf_token' must be text"),
        (
            {"extra__dreambooth__region": "eu"},
            "'extra__dreambooth__region' is no field of this connection type",
        ),
        (
            {"extra__dreambooth__environment": "production", "environment": "sandbox"},
            "'extra__dreambooth__environment' contradicts the field 'environment'",
        ),
    ],
)
def test_an_unusable_extra_is_refused(extra: Any, complaint: str) -> None:
    with pytest.raises(DreamboothValidationError) as refused:
        settings(extra=extra)
    assert complaint in str(refused.value)
    assert "'my_account'" in str(refused.value)


@pytest.mark.parametrize("password", [None, "", "  \n"])
def test_a_missing_key_is_refused(password: str | None) -> None:
    with pytest.raises(DreamboothAuthError, match=r"'my_account' holds no API key.*'API key' \(password\)"):
        settings(password=password)


def test_a_pasted_key_loses_its_line_end() -> None:
    assert settings(password=f" {KEY}\n").api_key == KEY


def test_the_key_is_never_shown() -> None:
    assert KEY not in repr(settings())
    assert KEY not in str(settings())
    assert "hf_abcdef" not in repr(settings(extra={"hf_token": "hf_abcdef"}))


def test_a_misspelt_field_is_a_warning() -> None:
    # Without it a cap that somebody misspelt is no cap, and nobody learns of it.
    [said] = settings(extra={"max_training_per_day": 3, "timeout": 30}).warnings
    assert "'max_training_per_day' means nothing here" in said
    assert "known are environment, timeout, " in said
    assert settings(extra={"comment": ""}).warnings == ()


def test_a_secret_in_the_place_of_a_name_is_not_shown() -> None:
    [said] = settings(extra={KEY: "production"}).warnings
    assert KEY not in said


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"host": "http://modelslab.com"}, "http://modelslab.com is not encrypted"),
        ({"host": "http://8.8.8.8:80"}, "http://8.8.8.8:80 is not encrypted"),
        ({"extra": {"verify": False}}, "certificate of https://stablediffusionapi.com is not checked"),
    ],
)
def test_what_lets_others_read_the_key_is_a_warning(fields: dict[str, Any], warning: str) -> None:
    [said] = settings(**fields).warnings
    assert warning in said


@pytest.mark.parametrize(
    "host",
    [
        "https://modelslab.com",
        "http://127.0.0.1:8765",
        "http://emulator",
        "http://10.0.0.7",
        "http://api.svc",
    ],
)
def test_no_warning_where_nobody_else_can_read_the_key(host: str) -> None:
    assert settings(host=host).warnings == ()


def stored_with_secrets(**fields: Any) -> Connection:
    extra = {"hf_token": "hf_abcdef", **fields.pop("extra", {})}
    return Connection(
        **{"conn_id": "a", "conn_type": "dreambooth", "password": KEY, "extra": json.dumps(extra), **fields}
    )


@pytest.mark.parametrize("fields", [{"password": ""}, {"host": "ftp://x"}, {"extra": {"timeout": "soon"}}])
def test_a_refused_connection_leaves_no_secret_in_local_variables(fields: dict[str, Any]) -> None:
    with pytest.raises(DreamboothError) as refused:
        ConnectionSettings.from_connection(stored_with_secrets(**fields))
    report = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
    text = "".join(report.format())
    assert "from_connection" in text
    assert KEY not in text
    assert "hf_abcdef" not in text


@pytest.mark.parametrize("key", [KEY, "it's\\odd"])
@pytest.mark.parametrize(
    "field", ["host", "schema", "environment", "timeout", "max_concurrent_requests", "verify"]
)
def test_a_key_in_the_wrong_field_is_not_shown_either(field: str, key: str) -> None:
    wrong: dict[str, Any] = {"password": key}
    if field == "host":
        wrong |= {"host": f"https://modelslab.com/{key}"}
    elif field == "schema":
        wrong |= {"host": "modelslab.com", "schema": key}
    else:
        wrong |= {"extra": {field: key}}
    with pytest.raises(DreamboothValidationError) as refused:
        settings(**wrong)
    assert key.lower() not in str(refused.value).lower()
    assert repr(key)[1:-1].lower() not in str(refused.value).lower()


def test_equal_settings_are_one_key_of_a_dictionary() -> None:
    assert {settings(), settings()} == {settings(host="https://stablediffusionapi.com/")}
    assert settings() != settings(password="another")


AS_JSON = json.dumps(
    {
        "conn_type": "dreambooth",
        "host": "http://127.0.0.1:8765",
        "password": KEY,
        "extra": {"environment": "production", "timeout": 5, "max_concurrent_requests": 3, "verify": False},
    }
)
QUERY = "environment=production&timeout=5&max_concurrent_requests=3&verify=false"
QUOTED_KEY = "kEy%2Fwith%2Bodd%3Dcharacters%26more"


@pytest.mark.parametrize(
    "written",
    [
        AS_JSON,
        f"dreambooth://:{QUOTED_KEY}@127.0.0.1:8765/http?{QUERY}",
        f"dreambooth://http://:{QUOTED_KEY}@127.0.0.1:8765?{QUERY}",
        f"dreambooth://:{QUOTED_KEY}@http%3A%2F%2F127.0.0.1%3A8765?{QUERY}",
    ],
    ids=["json", "uri with schema", "uri with two schemes", "uri with an encoded host"],
)
def test_every_way_to_write_a_connection_means_the_same(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ConnectionSettings(
        api_key=KEY,
        base_url="http://127.0.0.1:8765",
        environment=Environment.PRODUCTION,
        timeout=5.0,
        max_concurrent_requests=3,
        verify=False,
    )
    monkeypatch.setenv("AIRFLOW_CONN_MY_ACCOUNT", written)
    stored = StoredConnection.get_connection_from_secrets("my_account")
    assert ConnectionSettings.from_connection(stored) == expected
    assert ConnectionSettings.from_connection(BaseHook.get_connection("my_account")) == expected
    # The Test button hands the connection on as a URI of Airflow's own making.
    handed_on = StoredConnection(conn_id="my_account", uri=stored.get_uri())
    assert ConnectionSettings.from_connection(handed_on) == expected


def test_the_form_below_airflow_3_keeps_the_editor_that_its_test_button_needs() -> None:
    assert ui_field_behaviour()["hidden_fields"] == ["login", "schema"]
    assert ui_field_behaviour_metadata()["hidden-fields"] == ["login", "schema", "extra"]
