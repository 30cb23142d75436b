# SPDX-License-Identifier: Apache-2.0
"""What is known of the fields of a v6 training before there is a request. Light: a DAG file imports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dreambooth.api.refusal import refuse
from airflow_provider_dreambooth.api.scalar import is_absent

#: The word for the trainer beside the methods of a fine-tuning.
METHOD = "trainer_v6"
#: Fields in which the trainers that are known name the subject, in this order.
_SUBJECT = ("trigger_word", "instance_prompt")


def refuse_hf_token(parameters: Any) -> None:
    """
    Refuse a Hugging Face token that a DAG holds: Airflow shows and stores a DAG's arguments.

    :param parameters: further body fields, rendered or not.
    :raises DreamboothValidationError: there is one; its value is not shown.
    """
    if isinstance(parameters, Mapping) and "hf_token" in parameters:
        raise refuse(
            "parameters['hf_token']",
            "is a secret",
            "Put it into the connection's field 'hf_token' and leave it out here: it is sent from there",
        )


def subject_in(parameters: Any) -> str | None:
    """
    Return the subject that a training's fields name, ``None`` when no known field does.

    :param parameters: the trainer's own fields.
    """
    if not isinstance(parameters, Mapping):
        return None
    return next((str(parameters[name]) for name in _SUBJECT if not is_absent(parameters.get(name))), None)
