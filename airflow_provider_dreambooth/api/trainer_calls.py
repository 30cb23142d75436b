# SPDX-License-Identifier: Apache-2.0
"""
The calls of the v6 trainer: start, status and stop (reference 2.8 and service-wide notes of November 2026).

**Experimental: never run against the hosted service.** Its pages publish no answer to a start. Training is billed by the hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.answer import flatten, message_of, printable, seconds_in, unreadable
from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier
from airflow_provider_dreambooth.api.results import (
    Acknowledgement,
    FineTuneStarted,
    FineTuneStatus,
    TrainerStatus,
)
from airflow_provider_dreambooth.api.stages import (
    TRAINING_CANCELLED,
    TRAINING_COMPLETED,
    TRAINING_STARTED,
    Outcome,
    is_known_stage,
    looks_like_stage,
    normalise_stage,
    outcome_of,
)
from airflow_provider_dreambooth.api.trainer_request import TrainerRequest
from airflow_provider_dreambooth.api.training_calls import read_acknowledgement

_PATH = "/api/v6/trainer"
#: Where a published client looks for the id, in this order.
_ID_KEYS = ("training_id", "id", "request_id")
#: Where the answer may hold the request that renders; without one of them it is the request itself.
_REQUEST_KEYS = ("request", "body", "payload")
#: Fields of the answer that are no part of that request.
_ABOUT_REQUEST = frozenset({"status", "method", "url", "endpoint", "key"})


def start(request: TrainerRequest) -> ApiCall[FineTuneStarted]:
    """
    Return the call that starts, and bills by the hour, a training.

    It is sent again only after a failure which proves that nothing was accepted. There is no list to find a training by
    whose answer was lost.

    :param request: what to train, checked.
    """
    return ApiCall(
        path=f"{_PATH}/train",
        body=request.body(),
        read=read_start,
        about="a new training",
        repeat=Repeat.ONLY_IF_NOT_ACCEPTED,
        takes_hf_token=True,
    )


def read_start(document: Any) -> FineTuneStarted:
    """
    Read the answer to a start, which no page publishes.

    :raises DreamboothTransientError: it names no training; whether one was accepted, and is billed, is then not known.
    """
    if isinstance(document, Mapping):
        data = document.get("data")
        for place in (document, data if isinstance(data, Mapping) else {}):
            for key in _ID_KEYS:
                name = identifier(place.get(key))
                if name is not None:
                    return FineTuneStarted(name, TRAINING_STARTED, seconds_in(document.get("eta")))
    raise unreadable("a new training", "an answer without an id that could be asked about later")


def status(training_id: str | int) -> ApiCall[FineTuneStatus]:
    """
    Return the call that asks for the state of a training. Free. The page advises one every one to two minutes.

    :raises DreamboothValidationError: ``training_id`` names nothing.
    """
    name = checked_identifier("training_id", training_id)
    return ApiCall(
        path=f"{_PATH}/status/{quote(name, safe='')}",
        body={},
        read=lambda document: read_status(document, name),
        about=f"training {name}",
        training_id=name,
        is_answer=reports_training,
    )


def reports_training(document: Any) -> bool:
    """Whether a status answer speaks of the training itself, whatever its ``status`` says."""
    data = document.get("data") if isinstance(document, Mapping) else None
    word = data.get("status") if isinstance(data, Mapping) else None
    return isinstance(word, str) and is_known_stage(word)


def read_status(document: Any, training_id: str) -> TrainerStatus:
    """
    Read a status answer.

    ``training_started`` is queued or running; ``training_cancelled`` is a failure, with its reason in ``response_dump``;
    ``training_completed`` is the end, by itself **or by a stop**, and the LoRA can be used when ``inference`` is ready
    (quirk Q12).

    :raises DreamboothTransientError: it names no stage.
    """
    data = document.get("data") if isinstance(document, Mapping) else None
    data = data if isinstance(data, Mapping) else {}
    word = data.get("status") or message_of(document)
    if not isinstance(word, str) or not (is_known_stage(word) or looks_like_stage(word)):
        raise unreadable(f"training {training_id}", "an answer that names no stage", training_id=training_id)
    stage = normalise_stage(printable(word))
    told = data.get("inference")
    inference = told if isinstance(told, Mapping) else None
    if stage == TRAINING_COMPLETED:
        is_ready = inference is not None and inference.get("status") == "ready"
        outcome = Outcome.READY if is_ready else Outcome.RUNNING
    else:
        # "Cancelled" is the trainer's word for a failure.
        outcome = Outcome.FAILED if stage == TRAINING_CANCELLED else outcome_of(stage)
    reason = None
    if outcome.ended and outcome is not Outcome.READY:
        reason = flatten(data.get("response_dump")) or flatten(data.get("message")) or stage
    return TrainerStatus(
        training_id=training_id,
        stage=stage,
        outcome=outcome,
        reason=reason,
        inference=inference,
        rendering=_rendering_in(inference) if inference is not None and outcome is Outcome.READY else None,
    )


def _rendering_in(inference: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the request that renders, without a key."""
    inner = next(
        (inference[name] for name in _REQUEST_KEYS if isinstance(inference.get(name), Mapping)), None
    )
    if inner is not None:
        return {name: value for name, value in inner.items() if name != "key"}
    return {name: value for name, value in inference.items() if name not in _ABOUT_REQUEST}


def stop(training_id: str | int) -> ApiCall[Acknowledgement]:
    """
    Return the call that stops a queued or running training. Billing ends; the hour that has begun is charged.

    :raises DreamboothValidationError: ``training_id`` names nothing.
    """
    name = checked_identifier("training_id", training_id)
    return ApiCall(
        path=f"{_PATH}/stop",
        body={"training_id": name},
        read=read_acknowledgement,
        about=f"stopping training {name}",
        training_id=name,
    )
