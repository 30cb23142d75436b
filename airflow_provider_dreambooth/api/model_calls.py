"""The calls about finished models: list, delete, reload (rows H and I, reference 3.3). All of them are free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.answer import flatten, unreadable
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.results import Acknowledgement, Model
from airflow_provider_dreambooth.api.training_calls import identifier, read_acknowledgement


def list_models() -> ApiCall[tuple[Model, ...]]:
    """Return the call that lists the account's own models."""
    return ApiCall(path="/api/v3/finetune_list", body={}, read=read_models, about="the account's models")


def delete(model_id: str) -> ApiCall[Acknowledgement]:
    """Return the call that deletes a model for good."""
    return ApiCall(
        path=f"/api/v3/finetune/delete/{quote(model_id, safe='')}",
        body={},
        read=read_acknowledgement,
        about=f"deleting model {model_id}",
        training_id=model_id,
    )


def reload(model_id: str) -> ApiCall[Acknowledgement]:
    """Return the call that loads a model again which the service dropped after 7 idle days; about 2 minutes."""
    return ApiCall(
        path="/api/v4/dreambooth/model_reload",
        body={"model_id": model_id},
        read=read_acknowledgement,
        about=f"reloading model {model_id}",
        training_id=model_id,
    )


def read_models(document: Any) -> tuple[Model, ...]:
    """
    Read the list: ids as texts or numbers, or objects with ``model_id`` (reference 2.6).

    An answer without a list is no empty list: a lost submission is settled by what stands here.
    """
    items = document.get("data") if isinstance(document, Mapping) else document
    if not isinstance(items, list):
        raise unreadable("the account's models", "an answer without a list")
    return tuple(_read_model(item) for item in items)


def _read_model(item: Any) -> Model:
    if isinstance(item, Mapping):
        model_id = identifier(item.get("model_id")) or identifier(item.get("training_id")) or identifier(item.get("id"))
        if model_id:
            return Model(
                model_id, flatten(item.get("status")) or None, flatten(item.get("created_at")) or None
            )
    else:
        model_id = identifier(item)
        if model_id:
            return Model(model_id)
    raise unreadable("the account's models", "a list with an item that names no model")
