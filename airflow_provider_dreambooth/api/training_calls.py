# SPDX-License-Identifier: Apache-2.0
"""The calls that start, watch and end a training (rows A to G of the API reference)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.answer import flatten, message_of, unreadable
from airflow_provider_dreambooth.api.call import ApiCall, LastAnswer, Repeat
from airflow_provider_dreambooth.api.environment import Environment, training_path
from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier_in
from airflow_provider_dreambooth.api.log_text import read_eta
from airflow_provider_dreambooth.api.results import Acknowledgement, FineTuneStarted, FineTuneStatus
from airflow_provider_dreambooth.api.stages import (
    DEPLOYING_GPU,
    is_known_stage,
    looks_like_stage,
    normalise_stage,
)
from airflow_provider_dreambooth.api.status_answer import read_status, reports_training


def start(request: FineTuneRequest, environment: Environment) -> ApiCall[FineTuneStarted]:
    """
    Return the call that starts, and bills, a training.

    From 3 USD for Dreambooth, 1 USD for a LoRA (documentation of 2023, FAQ of 2026). A second one is billed
    again, so the call is only repeated after a failure which proves that nothing was accepted.

    :param request: what to train, checked.
    :param environment: where; no page says that the sandbox is free.
    """
    return ApiCall(
        path=training_path(environment, request.endpoint),
        body=request.body(),
        read=read_start,
        about="a new training",
        repeat=Repeat.ONLY_IF_NOT_ACCEPTED,
    )


def read_start(document: Any) -> FineTuneStarted:
    """
    Read the answer to a new training.

    :raises DreamboothTransientError: it names no training, or one that the service's own paths could not name
        (``null``, ``..``, a megabyte of text); whether one was accepted is then not known.
    """
    if isinstance(document, Mapping):
        places = [place for place in (document, document.get("data")) if isinstance(place, Mapping)]
        training_id = next((name for place in places if (name := identifier_in(place))), None)
        if training_id:
            word = message_of(document)
            stage = normalise_stage(word) if is_known_stage(word) or looks_like_stage(word) else DEPLOYING_GPU
            return FineTuneStarted(training_id, stage, read_eta(flatten(document.get("data"))))
    raise unreadable("a new training", "an answer without a training_id that could be asked about later")


def status(training_id: str | int, environment: Environment) -> ApiCall[FineTuneStatus]:
    """
    Return the call that asks where a training stands. Free.

    :param environment: where it was started; the other one does not know it.
    :raises DreamboothValidationError: ``training_id`` names nothing.
    """
    name = checked_identifier("training_id", training_id)
    return ApiCall(
        path=training_path(environment, f"fine_tune_status/{quote(name, safe='')}"),
        body={},
        read=lambda document: read_status(document, name),
        about=f"training {name}",
        training_id=name,
        is_answer=reports_training,
        last=LastAnswer(),
    )


def cancel(training_id: str | int) -> ApiCall[Acknowledgement]:
    """
    Return the call that cancels a running training, in the documented misspelling first (quirk Q3).

    The sandbox has no such endpoint. No page says that a cancelled training is refunded.

    :raises DreamboothValidationError: ``training_id`` names nothing.
    """
    name = checked_identifier("training_id", training_id)
    words = ("cancle_training", "cancel_training")
    paths = [training_path(Environment.PRODUCTION, f"{word}/{quote(name, safe='')}") for word in words]
    return acknowledged(paths, f"cancelling training {name}", name)


def acknowledged(paths: Sequence[str], about: str, training_id: str) -> ApiCall[Acknowledgement]:
    """
    Return a call that is answered by a few words.

    :param paths: where it goes, each one where the server has no route for those before it; at least one.
    """
    first, *others = paths
    return ApiCall(
        path=first,
        body={},
        read=read_acknowledgement,
        about=about,
        training_id=training_id,
        fallback=acknowledged(others, about, training_id) if others else None,
    )


def read_acknowledgement(document: Any) -> Acknowledgement:
    """Read the *basic* shape: a status and some words (documentation of 2026; that of 2023 prints none)."""
    if not isinstance(document, Mapping):
        raise unreadable("a request", "JSON that is not an object")
    return Acknowledgement(message_of(document), processing=document.get("status") == "processing")
