# SPDX-License-Identifier: Apache-2.0
"""Where the key may go."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.transport.route import Route


def route(base_url: str = "https://stablediffusionapi.com") -> Route:
    return Route(ConnectionSettings(api_key="k" * 40, base_url=base_url))


def call(path: str = "/api/v3/fine_tune", **body: object) -> ApiCall[object]:
    return ApiCall(path=path, body=body, read=lambda document: document, about="a new training")


@pytest.mark.parametrize(
    ("base_url", "target"),
    [
        ("https://stablediffusionapi.com", "https://modelslab.com/api/v3/fine_tune"),
        ("https://stablediffusionapi.com", "https://www.stablediffusionapi.com/api/v3/fine_tune"),
        ("https://modelslab.com", "https://stablediffusionapi.com/api/v3/fine_tune"),
        ("http://modelslab.com", "https://modelslab.com/api/v3/fine_tune"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765/api/v4/fine_tune"),
        ("http://own.example", "https://own.example/api/v3/fine_tune"),
    ],
)
def test_a_redirect_within_the_same_api_is_followed(base_url: str, target: str) -> None:
    assert route(base_url).redirected(call(), f"{base_url}/api/v3/fine_tune", 307, target) == target


@pytest.mark.parametrize(
    ("base_url", "target"),
    [
        ("https://stablediffusionapi.com", "https://evil.example/api/v3/fine_tune"),
        ("https://stablediffusionapi.com", "https://stablediffusionapi.com.evil.example/"),
        ("https://stablediffusionapi.com", "http://stablediffusionapi.com/api/v3/fine_tune"),
        ("https://stablediffusionapi.com", "http://modelslab.com/api/v3/fine_tune"),
        ("https://stablediffusionapi.com", "https://modelslab.com:8443/api/v3/fine_tune"),
        ("https://stablediffusionapi.com", "https://user:word@stablediffusionapi.com/"),
        ("https://stablediffusionapi.com", "//evil.example/api"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:9999/api/v3/fine_tune"),
        ("https://own.example", "https://modelslab.com/api/v3/fine_tune"),
        ("https://stablediffusionapi.com", "https://modelslab.com:port/"),
    ],
)
def test_any_other_redirect_is_refused_with_the_host_to_configure(base_url: str, target: str) -> None:
    with pytest.raises(DreamboothValidationError, match="put it into the connection's host"):
        route(base_url).redirected(call(), f"{base_url}/api/v3/fine_tune", 307, target)


def test_a_permanent_move_is_remembered_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one = route()
    one.redirected(call(), one.url_of(call()), 308, "https://modelslab.com/api/v3/fine_tune")
    assert one.url_of(call()) == "https://modelslab.com/api/v3/fine_tune"
    (message,) = caplog.messages
    assert "stablediffusionapi.com has moved to https://modelslab.com permanently" in message


def test_a_passing_move_is_not_remembered() -> None:
    one = route()
    one.redirected(call(), one.url_of(call()), 307, "https://modelslab.com/api/v3/fine_tune")
    assert one.url_of(call()) == "https://stablediffusionapi.com/api/v3/fine_tune"


def test_an_answer_that_is_no_redirect_stays() -> None:
    assert (
        route().redirected(call(), "https://stablediffusionapi.com/a", 200, "https://modelslab.com/") is None
    )
    assert route().redirected(call(), "https://stablediffusionapi.com/a", 302, None) is None


def test_a_complete_address_on_the_configured_host_is_taken() -> None:
    url = "https://modelslab.com/api/v3/dreambooth/fetch/1"
    assert route().url_of(call(url)) == url


def test_a_complete_address_elsewhere_does_not_get_the_key() -> None:
    with pytest.raises(DreamboothValidationError, match="API key"):
        route().url_of(call("https://evil.example/api/v3/dreambooth/fetch/1"))


def test_the_body_cannot_replace_the_key() -> None:
    assert json.loads(route().body_of(call(key="other", seed=None)).content) == {
        "key": "k" * 40,
        "seed": None,
    }
    assert json.loads(route().body_of(call()).content) == {"key": "k" * 40}


def test_the_second_secret_goes_into_the_body_of_a_call_that_takes_it_and_of_no_other() -> None:
    one = Route(ConnectionSettings(api_key="k" * 40, hf_token="hf_" + "t" * 20))
    start = replace(call(trainer_id="flux_lora_trainer"), takes_hf_token=True)
    sent = one.body_of(start)
    assert json.loads(sent.content) == {
        "trainer_id": "flux_lora_trainer",
        "hf_token": "hf_" + "t" * 20,
        "key": "k" * 40,
    }
    assert "hf_t" not in repr(sent) + repr(start).replace("takes_hf_token", "") + repr(one) + repr(one.mask)
    assert "hf_token" not in json.loads(one.body_of(call(trainer_id="flux_lora_trainer")).content)
    assert "hf_token" not in json.loads(route().body_of(start).content)


def test_nothing_shows_the_key() -> None:
    assert "k" * 40 not in repr(route())
    assert "k" * 40 not in repr(route().mask)
    assert repr(route().body_of(call())) == "<51 bytes>"
