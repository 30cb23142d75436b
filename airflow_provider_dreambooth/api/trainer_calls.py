"""
The calls of the v6 trainer: start, status and stop (reference 2.8 and service-wide notes of November 2026).

**Experimental: never run against the hosted service.** Its pages publish no answer to a start. Training is billed by the hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.answer import flatten, message_of, seconds_in, unreadable
from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier
from airflow_provider_dreambooth.api.log_text import Progress
from airflow_provider_dreambooth.api.refusal import checked_extra_fields, is_absent, refuse
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, TrainerStatus
from airflow_provider_dreambooth.api.stages import (
    TRAINING_CANCELLED,
    TRAINING_COMPLETED,
    Outcome,
    normalise_stage,
    outcome_of,
)
from airflow_provider_dreambooth.api.training_calls import read_acknowledgement

_PATH = "/api/v6/trainer"
#: Where a published client looks for the id, in this order.
_ID_KEYS = ("training_id", "id", "request_id")
_OWN_ARGUMENTS = frozenset({"trainer_id", "images", "track_id", "training_id"})
#: A secret of its own: it comes from the connection, never from a DAG.
_SECRETS = frozenset({"hf_token"})


def trainer_body(
    *,
    trainer_id: Any,
    images: Any,
    parameters: Mapping[str, Any] | None,
    training_id: str,
    hf_token: str | None = None,
) -> dict[str, Any]:
    """
    Return the body of a start without the key.

    :param trainer_id: which trainer, such as ``flux_lora_trainer``; each takes fields of its own.
    :param images: public links.
    :param parameters: the trainer's fields, sent as they are.
    :param training_id: chosen by the caller, also sent as ``track_id``, so that a person can find the training again. Nobody
        shows that the service honours it.
    :param hf_token: the connection's Hugging Face token, sent when the connection has one.
    :raises DreamboothValidationError: naming the argument and the correction; nothing was sent.
    """
    if is_absent(trainer_id) or not isinstance(trainer_id, str):
        raise refuse("trainer_id", "is missing", "Name the trainer, such as flux_lora_trainer")
    if not isinstance(images, (list, tuple)) or not images:
        raise refuse("images", "is empty", "Give links to the images")
    further = checked_extra_fields(parameters, _OWN_ARGUMENTS)
    for name in _SECRETS & further.keys():
        raise refuse(f"parameters[{name!r}]", "is a secret", "Put it into the connection, where it is masked")
    return {
        "trainer_id": trainer_id.strip(),
        "images": list(images),
        **further,
        **({"hf_token": hf_token} if hf_token else {}),
        "training_id": training_id,
        "track_id": training_id,
    }


def start(body: Mapping[str, Any]) -> ApiCall[FineTuneStarted]:
    """
    Return the call that starts, and bills by the hour, a training.

    It is sent again only after a failure which proves that nothing was accepted. There is no list to find a training by
    whose answer was lost.

    :param body: of :func:`trainer_body`.
    """
    return ApiCall(
        path=f"{_PATH}/train",
        body=body,
        read=read_start,
        about=f"a new training by {body.get('trainer_id')}",
        repeat=Repeat.ONLY_IF_NOT_ACCEPTED,
    )


def read_start(document: Any) -> FineTuneStarted:
    """
    Read the answer to a start, which no page publishes.

    :param document: the decoded, error-free JSON.
    :raises DreamboothTransientError: it names no training; whether one was accepted, and is billed, is then not known.
    """
    if isinstance(document, Mapping):
        data = document.get("data")
        for place in (document, data if isinstance(data, Mapping) else {}):
            for key in _ID_KEYS:
                name = identifier(place.get(key))
                if name is not None:
                    return FineTuneStarted(name, "training_started", seconds_in(document.get("eta")))
    raise unreadable("a new training", "an answer without an id that could be asked about later")


def status(training_id: str | int) -> ApiCall[TrainerStatus]:
    """
    Return the call that asks for the state of a training. Free. The page advises one every one to two minutes.

    :param training_id: the training.
    :raises DreamboothValidationError: ``training_id`` names nothing.
    """
    name = checked_identifier("training_id", training_id)
    return ApiCall(
        path=f"{_PATH}/status/{quote(name, safe='')}",
        body={},
        read=lambda document: read_status(document, name),
        about=f"training {name}",
        training_id=name,
    )


def read_status(document: Any, training_id: str) -> TrainerStatus:
    """
    Read a status answer.

    ``training_started`` is queued or running; ``training_cancelled`` is a failure, with its reason in ``response_dump``;
    ``training_completed`` is the end, by itself **or by a stop**, and the LoRA can be used when ``inference`` is ready
    (quirk Q12).

    :param document: the decoded, error-free JSON.
    :param training_id: the training that was asked about.
    :raises DreamboothTransientError: it names no stage.
    """
    data = document.get("data") if isinstance(document, Mapping) else None
    data = data if isinstance(data, Mapping) else {}
    word = data.get("status") or (message_of(document) if isinstance(document, Mapping) else "")
    stage = normalise_stage(word) if isinstance(word, str) else ""
    if not stage or " " in str(word).strip():
        raise unreadable(f"training {training_id}", "an answer that names no stage", training_id=training_id)
    inference = data.get("inference")
    request = dict(inference) if isinstance(inference, Mapping) else None
    if stage == TRAINING_COMPLETED:
        ready = request is not None and request.get("status") == "ready"
        outcome = Outcome.READY if ready else Outcome.RUNNING
    else:
        # The trainer's word for a failure.
        outcome = Outcome.FAILED if stage == TRAINING_CANCELLED else outcome_of(stage)
    reason = None
    if outcome in (Outcome.FAILED, Outcome.CANCELLED):
        reason = flatten(data.get("response_dump")) or flatten(data.get("message")) or stage
    return TrainerStatus(
        training_id=training_id,
        stage=stage,
        outcome=outcome,
        progress=Progress(),
        reason=reason,
        inference=request,
    )


def stop(training_id: str | int) -> ApiCall[Acknowledgement]:
    """
    Return the call that stops a queued or running training. Billing ends; the hour that has begun is charged.

    :param training_id: the training.
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
