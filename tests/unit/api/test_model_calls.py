"""Rows H and I, and reload."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.call import Repeat
from airflow_provider_dreambooth.api.model_calls import delete, list_models, reload
from airflow_provider_dreambooth.api.results import Model
from airflow_provider_dreambooth.exceptions import (
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.api.service_answers import EMPTY_LIST, error_of, read


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
        [{"id": 77}, "78"],
    ],
)
def test_the_list_may_hold_ids_or_objects(items: list[Any]) -> None:
    document = {"status": "success", "messege": "model list", "data": items}
    assert [model.model_id for model in read(list_models(), document)] == ["77", "78"]
    assert [model.model_id for model in read(list_models(), items)] == ["77", "78"]


def test_an_object_in_the_list_tells_stage_and_time() -> None:
    item = {"model_id": "77", "status": "model_ready", "created_at": "2023-08-01T10:00:00Z"}
    assert read(list_models(), [item]) == (Model("77", "model_ready", "2023-08-01T10:00:00Z"),)


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success"},
        {"status": "success", "data": None},
        {"status": "success", "data": {}},
        [None],
        [{}],
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


def test_reload_sends_the_id_in_the_body() -> None:
    call = reload(77)
    assert (call.path, call.body) == ("/api/v4/dreambooth/model_reload", {"model_id": "77"})
    assert read(call, {"status": "processing", "message": "loading"}).processing
    assert not read(call, {"status": "success", "message": "loaded"}).processing


@pytest.mark.parametrize("call", [delete, reload])
def test_an_unknown_model_is_named_in_the_error(call: Any) -> None:
    error = error_of(call("F5jvdzGnYi"), {"status": "error", "messege": "Model not found"})
    assert isinstance(error, DreamboothNotFoundError)
    assert error.training_id == "F5jvdzGnYi"
    assert "F5jvdzGnYi" in str(error)


@pytest.mark.parametrize("call", [delete, reload])
@pytest.mark.parametrize("nothing", ["", "None", ".."])
def test_an_id_that_names_nothing_is_refused(call: Any, nothing: str) -> None:
    with pytest.raises(DreamboothValidationError, match=r"^model_id is"):
        call(nothing)
