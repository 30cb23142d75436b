"""The calls about finished models: list, delete, reload (rows H and I, reference 3.3). All are free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.answer import flatten, unreadable
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier
from airflow_provider_dreambooth.api.results import Acknowledgement, Model
from airflow_provider_dreambooth.api.training_calls import read_acknowledgement


def list_models() -> ApiCall[tuple[Model, ...]]:
    """Return the call that lists the account's own models."""
    return ApiCall(path="/api/v3/finetune_list", body={}, read=read_models, about="the account's models")


def delete(model_id: str | int) -> ApiCall[Acknowledgement]:
    """
    Return the call that deletes a model for good. No page says what becomes of one still in training.

    :param model_id: the model, or the training that it came from: the ids are equal.
    :raises DreamboothValidationError: ``model_id`` names nothing.
    """
    name = checked_identifier("model_id", model_id)
    return ApiCall(
        path=f"/api/v3/finetune/delete/{quote(name, safe='')}",
        body={},
        read=read_acknowledgement,
        about=f"deleting model {name}",
        training_id=name,
    )


def reload(model_id: str | int) -> ApiCall[Acknowledgement]:
    """
    Return the call that loads a model again which the service dropped after 7 idle days; about 2 minutes.

    :param model_id: the model.
    :raises DreamboothValidationError: ``model_id`` names nothing.
    """
    name = checked_identifier("model_id", model_id)
    return ApiCall(
        path="/api/v4/dreambooth/model_reload",
        body={"model_id": name},
        read=read_acknowledgement,
        about=f"reloading model {name}",
        training_id=name,
    )


def read_models(document: Any) -> tuple[Model, ...]:
    """
    Read the list: ids as texts or numbers, or objects with ``model_id`` (reference 2.6).

    An answer without a list is no empty list: a lost submission is settled by what stands here.

    :param document: the decoded, error-free JSON.
    :raises DreamboothTransientError: it holds no list, or an item that names no model.
    """
    items = document.get("data") if isinstance(document, Mapping) else document
    if not isinstance(items, list):
        raise unreadable("the account's models", "an answer without a list")
    return tuple(_read_model(item) for item in items)


def _read_model(item: Any) -> Model:
    details = item if isinstance(item, Mapping) else {"model_id": item}
    named = (identifier(details.get(key)) for key in ("model_id", "training_id", "id"))
    model_id = next((name for name in named if name), None)
    if model_id is None:
        raise unreadable("the account's models", "a list with an item that names no model")
    return Model(model_id, flatten(details.get("status")) or None, flatten(details.get("created_at")) or None)
