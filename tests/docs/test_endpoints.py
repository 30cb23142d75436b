# SPDX-License-Identifier: Apache-2.0
"""The table of endpoints says what the emulator serves and what the provider calls."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dreambooth.api import (
    model_calls,
    text_to_image,
    trainer_calls,
    training_calls,
    upload_call,
    wallet,
)
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.environment import Environment, training_path
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.api.trainer_request import TrainerRequest
from airflow_provider_dreambooth.emulator.vocabulary import FIXED_PATHS, PATHS_WITH_ID

DOCS = Path(__file__).parents[2] / "docs"
BOTH = (InferenceApi.V6, InferenceApi.V4)


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "endpoints.py"))


def paths_of(call: ApiCall[Any]) -> Iterator[tuple[str, str]]:
    """Return the paths that one call may go to, as the table writes them, and how each is sent."""
    sent, tried = "yes", call
    while True:
        path = tried.path.removeprefix("/api/")
        yield path.replace("/77", "/{id}"), sent
        if tried.fallback is None:
            return
        sent, tried = "fallback", tried.fallback


def calls() -> Iterator[ApiCall[Any]]:
    """Return each call of the provider once, but for the starts of trainings."""
    for environment in Environment:
        yield training_calls.status("77", environment)
    yield training_calls.cancel("77")
    yield trainer_calls.status("77")
    yield trainer_calls.stop("77")
    yield wallet.balance()
    yield model_calls.list_models()
    yield model_calls.delete("77")
    yield model_calls.reload("77", BOTH)
    yield upload_call.upload(b"\x89PNG\r\n\x1a\n")
    request = TextToImageRequest.checked(model_id="sdxl", prompt="x")
    yield text_to_image.text_to_image(request, BOTH)
    yield text_to_image.fetch("77", None, BOTH)
    # Where the service's own answers lead to.
    for path in ("/api/v3/dreambooth/fetch/77", "/api/v6/images/fetch/77"):
        yield text_to_image.fetch("77", path, (InferenceApi.of_path(path),))


def test_the_page_is_the_one_that_its_data_make(table: dict[str, Any]) -> None:
    assert (DOCS / "endpoints.md").read_text(encoding="utf-8") == table["page"](), (
        "run: python docs/endpoints.py"
    )


def test_every_endpoint_of_the_emulator_is_listed_once(table: dict[str, Any]) -> None:
    listed = [endpoint.path for endpoint in table["ENDPOINTS"]]
    served = {*FIXED_PATHS, *(f"{path}/{{id}}" for path in PATHS_WITH_ID)}
    assert served <= set(listed)
    assert len(listed) == len(set(listed))


def test_what_is_sent_is_what_the_provider_calls(table: dict[str, Any]) -> None:
    listed = {endpoint.path: endpoint.sent for endpoint in table["ENDPOINTS"] if endpoint.sent != "no"}
    starts = {
        training_path(environment, name).removeprefix("/api/"): "yes"
        for environment, name in (
            (Environment.SANDBOX, "fine_tune"),
            (Environment.PRODUCTION, "fine_tune"),
            (Environment.PRODUCTION, "fine_tune_v2"),
            (Environment.PRODUCTION, "lora_fine_tune"),
        )
    }
    # Sorted so that what is sent first by one call and as a fallback by another counts as sent.
    trainer = TrainerRequest.draft(environment="production", trainer_id="flux_lora_trainer")
    starts |= dict(paths_of(trainer_calls.start(trainer)))
    called = dict(sorted((pair for call in calls() for pair in paths_of(call)), key=lambda pair: pair[1]))
    assert listed == starts | called
