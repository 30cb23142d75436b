# SPDX-License-Identifier: Apache-2.0
"""Rows H and I, and reload."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.model_calls import delete, list_models, reload
from airflow_provider_dreambooth.api.results import Model
from airflow_provider_dreambooth.exceptions import (
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import EMPTY_LIST, error_of, read

V4, V6 = InferenceApi.V4, InferenceApi.V6


def test_row_h_lists_the_accounts_models() -> None:
    call = list_models()
    assert (call.path, call.body, call.repeat) == ("/api/v3/finetune_list", {}, Repeat.FREELY)
    assert read(call, EMPTY_LIST) == ()


@pytest.mark.parametrize(
    "items",
    [
        ["77", "78"],
        [77, 78],
        [{"model_id": "77"}, {"training_id": 78}],
        [{"model_id": None, "training_id": "77"}, "78"],
    ],
)
def test_the_list_may_hold_ids_or_objects(items: list[Any]) -> None:
    document = {"status": "success", "messege": "model list", "data": items}
    assert [model.model_id for model in read(list_models(), document)] == ["77", "78"]
    assert [model.model_id for model in read(list_models(), items)] == ["77", "78"]


def test_an_id_that_is_no_number_counts_where_no_other_is_named() -> None:
    assert read(list_models(), [{"id": "F5jvdzGnYi"}])[0].model_id == "F5jvdzGnYi"


def test_an_object_in_the_list_tells_stage_and_time() -> None:
    item = {"model_id": "77", "status": "model_ready", "created_at": "2023-08-01T10:00:00Z"}
    assert read(list_models(), [item]) == (Model("77", "model_ready", "2023-08-01T10:00:00Z"),)


def test_a_row_of_fourteen_keys_tells_id_stage_time_and_prompt() -> None:
    item = {
        "model_id": "example-v1-0",
        "status": "model_ready",
        "created_at": "2025-07-09T20:52:08.000000Z",
        "instance_prompt": "photo of ohwx person",
        "api_calls": "999",
        "model_category": "stable_diffusion",
        "model_name": "Example - v1.0",
        "is_nsfw": "0",
        "featured": "no",
        "description": None,
        "screenshots": "https://example.invalid/a.jpeg",
        "model_subcategory": "lora",
        "model_format": "safetensors",
        "feature": "Imagen",
    }
    assert read(list_models(), [item]) == (
        Model("example-v1-0", "model_ready", "2025-07-09T20:52:08.000000Z", "photo of ohwx person"),
    )
    assert read(list_models(), [{**item, "instance_prompt": None}])[0].instance_prompt is None


@pytest.mark.parametrize(
    "row",
    [
        {"model_id": None, "id": 4711, "status": "training_started"},
        {"model_id": None, "training_id": None, "id": "4711"},
        {"model_id": "null", "id": "abc"},
        {"model_id": ".."},
        {"model_id": "x" * 201},
        {"id": 4711},
        {},
        None,
        [],
        "",
    ],
)
def test_a_row_without_a_usable_id_stays_a_row_and_never_gets_the_number_of_the_row(row: Any) -> None:
    models = read(list_models(), [row, "F5jvdzGnYi"])
    assert [model.model_id for model in models] == [None, "F5jvdzGnYi"]


def test_a_row_without_an_id_still_tells_its_stage_and_time() -> None:
    row = {
        "model_id": None,
        "id": 1,
        "status": "training_started",
        "created_at": "2026-01-01",
        "instance_prompt": "p",
    }
    assert read(list_models(), [row]) == (Model(None, "training_started", "2026-01-01", "p"),)


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success"},
        {"status": "success", "data": None},
        {"status": "success", "data": {}},
        None,
    ],
)
def test_an_answer_without_a_list_is_never_an_empty_list(document: Any) -> None:
    assert isinstance(error_of(list_models(), document), DreamboothTransientError)


def test_row_i_deletes_at_its_own_path() -> None:
    call = delete("F5jvdzGnYi")
    assert (call.path, call.body) == ("/api/v3/finetune/delete/F5jvdzGnYi", {})
    assert (
        read(call, {"status": "success", "messege": "model deleted", "data": ""}).message == "model deleted"
    )


def test_delete_falls_back_to_the_path_of_the_openapi_file() -> None:
    fallback = delete("F5jvdzGnYi").fallback
    assert fallback is not None
    assert (fallback.path, fallback.training_id) == ("/api/v3/delete/F5jvdzGnYi", "F5jvdzGnYi")
    assert fallback.fallback is None


def test_reload_sends_the_id_in_the_body_in_each_form() -> None:
    call = reload(77, [V6, V4])
    assert (call.path, call.body) == ("/api/v6/images/model_reload", {"model_id": "77"})
    other = call.fallback
    assert other is not None
    assert (other.path, other.body, other.fallback) == (
        "/api/v4/dreambooth/model_reload",
        {"model_id": "77"},
        None,
    )
    assert read(call, {"status": "processing", "message": "loading"})[1].processing
    assert not read(other, {"status": "success", "message": "loaded"})[1].processing
    assert (read(call, {"status": "success"})[0], read(other, {"status": "success"})[0]) == (V6, V4)


@pytest.mark.parametrize("call", [delete, lambda name: reload(name, [V4])])
def test_an_unknown_model_is_named_in_the_error(call: Any) -> None:
    error = error_of(call("F5jvdzGnYi"), {"status": "error", "messege": "Model not found"})
    assert isinstance(error, DreamboothNotFoundError)
    assert error.training_id == "F5jvdzGnYi"
    assert "F5jvdzGnYi" in str(error)


@pytest.mark.parametrize("call", [delete, lambda name: reload(name, [V4])])
@pytest.mark.parametrize("nothing", ["", "None", ".."])
def test_an_id_that_names_nothing_is_refused(call: Any, nothing: str) -> None:
    with pytest.raises(DreamboothValidationError, match=r"^model_id is"):
        call(nothing)
