# SPDX-License-Identifier: Apache-2.0
"""The calls about finished models: list, delete, reload (rows H and I, reference 3.3). All are free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.answer import flatten, unreadable
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier, identifier_in
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.results import Acknowledgement, Model
from airflow_provider_dreambooth.api.training_calls import acknowledged, read_acknowledgement


def list_models() -> ApiCall[tuple[Model, ...]]:
    """Return the call that lists the account's own models."""
    return ApiCall(path="/api/v3/finetune_list", body={}, read=read_models, about="the account's models")


def delete(model_id: str | int) -> ApiCall[Acknowledgement]:
    """
    Return the call that deletes a model permanently. No page says what becomes of one still in training.

    The service's page names one path and its OpenAPI file another (quirk Q21): the page's is sent first, the other
    when the service has no such route.

    :param model_id: the model, or the training that it came from: the ids are equal.
    :raises DreamboothValidationError: ``model_id`` names nothing.
    """
    name = checked_identifier("model_id", model_id)
    paths = [f"/api/v3/{path}/{quote(name, safe='')}" for path in ("finetune/delete", "delete")]
    return acknowledged(paths, f"deleting model {name}", name)


def reload(
    model_id: str | int, apis: Sequence[InferenceApi]
) -> ApiCall[tuple[InferenceApi, Acknowledgement]]:
    """
    Return the call that loads a model again which the service dropped after 7 idle days; about 2 minutes.

    Its result names the form that the server answered to.

    :param apis: the forms to use, each one where the server has no route for those before it; at least one.
    :raises DreamboothValidationError: ``model_id`` names nothing.
    """
    name = checked_identifier("model_id", model_id)
    first, *others = apis
    return ApiCall(
        path=first.reload_path,
        body={"model_id": name},
        read=lambda document: (first, read_acknowledgement(document)),
        about=f"reloading model {name}",
        training_id=name,
        fallback=reload(name, others) if others else None,
    )


def read_models(document: Any) -> tuple[Model, ...]:
    """
    Read a list: ids as texts or numbers, or objects (reference 2.6; observed ones have 14 keys).

    An answer without a list is no empty list: a lost submission is settled by what stands here. An item without a
    usable id is a row all the same, see :class:`~airflow_provider_dreambooth.api.results.Model`.

    :raises DreamboothTransientError: it holds no list.
    """
    items = document.get("data") if isinstance(document, Mapping) else document
    if not isinstance(items, list):
        raise unreadable("the account's models", "an answer without a list")
    return tuple(_read_model(item) for item in items)


def _read_model(item: Any) -> Model:
    if not isinstance(item, Mapping):
        return Model(identifier(item))
    return Model(
        identifier_in(item),
        status=flatten(item.get("status")) or None,
        created_at=flatten(item.get("created_at")) or None,
        instance_prompt=flatten(item.get("instance_prompt")) or None,
    )
