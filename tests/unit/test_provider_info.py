# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_dreambooth import __version__
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.connection_fields import EXTRA_FIELDS
from airflow_provider_dreambooth.provider_info import get_provider_info
from tests.airflow_version import since_airflow

AIRFLOW = Path(airflow.__file__).parent
PROJECT = Path(__file__).parents[2]


def connection_type() -> dict[str, Any]:
    (only,) = get_provider_info()["connection-types"]
    assert isinstance(only, dict)
    return only


def test_airflow_accepts_it() -> None:
    jsonschema.validate(get_provider_info(), json.loads((AIRFLOW / "provider_info.schema.json").read_text()))


def test_the_form_is_what_airflow_describes() -> None:
    schema = json.loads((AIRFLOW / "provider.yaml.schema.json").read_text())
    described = schema["properties"]["connection-types"]["items"]
    jsonschema.validate(connection_type(), described | {"definitions": schema.get("definitions", {})})


def test_it_is_found_under_its_distribution() -> None:
    metadata = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert get_provider_info()["package-name"] == metadata["name"]
    assert get_provider_info()["versions"] == [__version__]


@pytest.mark.parametrize(
    "path",
    [
        path
        for kind in ("hooks", "operators", "sensors", "triggers")
        for entry in get_provider_info()[kind]
        for path in entry["python-modules"]
    ],
)
def test_every_module_it_names_exists(path: str) -> None:
    importlib.import_module(path)


def test_it_names_every_trigger_module() -> None:
    folder = PROJECT / "airflow_provider_dreambooth" / "triggers"
    here = {
        f"airflow_provider_dreambooth.triggers.{path.stem}"
        for path in folder.glob("*.py")
        if re.search(r"^class Dreambooth\w+Trigger\(", path.read_text(), re.MULTILINE)
    }
    assert {path for entry in get_provider_info()["triggers"] for path in entry["python-modules"]} == here


def test_it_names_every_how_to_page_and_a_logo() -> None:
    (integration,) = get_provider_info()["integrations"]
    pages = {f"/docs/how-to/{page.name}" for page in (PROJECT / "docs" / "how-to").glob("*.md")}
    assert set(integration["how-to-guide"]) == pages
    assert (PROJECT / integration["logo"].lstrip("/")).is_file()


def test_the_hook_it_names_carries_the_connection_type() -> None:
    module, _, name = connection_type()["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), name)
    assert hook.conn_type == "dreambooth" == connection_type()["connection-type"]


@since_airflow("3.1", "the form comes from the REST API")
def test_airflow_builds_the_form_from_it() -> None:
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    (form,) = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "dreambooth"]
    assert form.extra_fields is not None
    assert {name: field["schema"]["title"] for name, field in form.extra_fields.items()} == {
        "environment": "Environment",
        "timeout": "Request timeout",
        "max_concurrent_requests": "Concurrent requests",
        "verify": "Verify TLS",
        "inference_api": "Inference API",
        "max_trainings_per_day": "Trainings per day",
        "hf_token": "Hugging Face token",
    }
    assert form.extra_fields["hf_token"]["schema"]["format"] == "password"
    assert form.extra_fields["max_trainings_per_day"]["value"] is None
    assert form.standard_fields is not None
    assert form.standard_fields.password is not None
    assert form.standard_fields.password.title == "API key"


def test_the_form_offers_the_defaults_that_an_empty_field_means() -> None:
    class Empty:
        conn_id, host, schema, port, password = "my_account", None, None, None, "word"
        extra_dejson: dict[str, Any] = {}  # noqa: RUF012

    class Untouched(Empty):
        extra_dejson = {extra.name: extra.default for extra in EXTRA_FIELDS}  # noqa: RUF012

    assert ConnectionSettings.from_connection(Empty()) == ConnectionSettings.from_connection(Untouched())


def test_it_is_light_to_read() -> None:
    program = (
        "import sys\n"
        "from airflow_provider_dreambooth.provider_info import get_provider_info\n"
        "get_provider_info()\n"
        "heavy = ('airflow', 'requests', 'aiohttp', 'pydantic', 'flask')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
