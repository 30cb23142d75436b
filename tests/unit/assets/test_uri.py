# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_dreambooth.assets.uri import create_asset, model_uri, sanitize_uri, to_openlineage
from tests.requirements import required_modules


@pytest.mark.parametrize(
    ("base_url", "uri"),
    [
        ("https://stablediffusionapi.com", "dreambooth://stablediffusionapi.com/F5jvdzGnYi"),
        ("https://modelslab.com", "dreambooth://stablediffusionapi.com/F5jvdzGnYi"),
        ("http://127.0.0.1:8765", "dreambooth://127.0.0.1:8765/F5jvdzGnYi"),
    ],
)
def test_the_uri_names_service_and_model(base_url: str, uri: str) -> None:
    assert model_uri("F5jvdzGnYi", base_url) == uri


@pytest.mark.parametrize(
    "written",
    [
        "dreambooth://stablediffusionapi.com/F5jvdzGnYi",
        "DREAMBOOTH://StableDiffusionAPI.com/F5jvdzGnYi/",
        "dreambooth://modelslab.com/F5jvdzGnYi",
        "dreambooth://www.modelslab.com//F5jvdzGnYi#today",
    ],
)
def test_airflow_brings_each_spelling_into_one_form(written: str) -> None:
    assert Asset(uri=written).uri == "dreambooth://stablediffusionapi.com/F5jvdzGnYi"


def test_the_case_of_a_model_id_is_kept() -> None:
    assert Asset(uri="dreambooth://localhost:1/AbC").uri == "dreambooth://localhost:1/AbC"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("dreambooth:///F5jvdzGnYi", "names the service"),
        ("dreambooth://stablediffusionapi.com", "names a model"),
        ("dreambooth://stablediffusionapi.com/", "names a model"),
        ("dreambooth://somekey@stablediffusionapi.com/F5jvdzGnYi", "no user name, password or key"),
        ("dreambooth://stablediffusionapi.com/F5jvdzGnYi?key=somekey", "has no query"),
    ],
)
def test_a_uri_that_means_nothing_or_holds_a_secret_is_refused(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        sanitize_uri(urlsplit(written))
    assert "somekey" not in str(raised.value)


def test_hook_lineage_can_make_an_asset() -> None:
    made = create_asset(model_id="F5jvdzGnYi", host="modelslab.com")
    assert made.uri == "dreambooth://stablediffusionapi.com/F5jvdzGnYi"


def test_an_asset_is_the_dataset_that_trainings_report() -> None:
    required_modules("openlineage.client", group="lineage")
    dataset = to_openlineage(create_asset(model_id="F5jvdzGnYi"), None)
    assert (dataset.namespace, dataset.name) == ("dreambooth://stablediffusionapi.com", "F5jvdzGnYi")
