# SPDX-License-Identifier: Apache-2.0
"""``validate_only``: everything that can be checked about a training without paying for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.fingerprint import account_of
from airflow_provider_dreambooth.api.prices import price_of
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothNotFoundError
from airflow_provider_dreambooth.masking import without_secrets

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.images.supply import ImageSupply


def validate(hook: DreamboothHook, request: TrainingRequest, images: ImageSupply, log: Any) -> str:
    """
    Check a training as far as that is free, and log what would be sent. Uploads nothing and stores nothing.

    :param hook: the hook of the task's connection.
    :param request: the request, checked but for its images.
    :param images: the images, gathered.
    :param log: Airflow's task log.
    :return: what was found, for the task's end.
    :raises DreamboothError: what would have been refused.
    """
    uploads = images.without_link()
    for warning in request.warnings:
        log.warning("%s", warning)
    settings = hook.settings
    account = account_of(settings.base_url, settings.environment)
    fields = {name: value for name, value in request.body().items() if name != "images"}
    log.info(
        "Would be sent to %s (%s), with the images: %s",
        account,
        request.endpoint,
        json.dumps(without_secrets(fields), ensure_ascii=False, default=str),
    )
    log.info("Would be uploaded first, which is free: %s", ", ".join(uploads) or "nothing")
    return (
        f"validate_only: connection, inputs and images are in order. {_key(hook)} A training of method "
        f"{request.method!r} costs {_price(request.method)}. Nothing was sent for it and nothing was paid."
    )


def _price(method: str) -> str:
    price = price_of(method)
    if price is None:
        return "what no page of the service states"
    return f"{price.text} ({price.source}, {price.as_of})"


def _key(hook: DreamboothHook) -> str:
    if not hook.environment.has_model_list:
        return "Whether the service accepts the key is not known: the sandbox has no free call that tells."
    try:
        hook.list_models()
    except DreamboothNotFoundError:
        return "Whether the service accepts the key is not known: it has no list of models."
    except DreamboothError as error:
        error.add("This was a free call of validate_only: no training was started and nothing was paid.")
        raise
    return f"{hook.settings.base_url} accepts the key."
