# SPDX-License-Identifier: Apache-2.0
"""Ids of trainings, models and requests: numbers or strings on the wire, always text here (quirk Q14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothValidationError

_LONGEST = 200
#: Words that programs write for "nothing".
_NOTHING = frozenset({"", "none", "null", "undefined", "nan"})


def identifier(value: Any) -> str | None:
    """
    Return an id as text.

    What this returns can stand in a path of the service: an id that a later call would refuse is none here either.

    :param value: what stands where an id should; observed are 10 to 25 alphanumerics, numbers and UUIDs.
    :return: ``None`` for anything that names nothing: empty, ``null``, a flag, a list, dots alone (``..`` leads to
        another endpoint), unprintable text, or more than 200 characters.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    try:
        text = str(value).strip()
    except ValueError:
        # A whole number of more than 4300 digits has no text.
        return None
    names_nothing = text.lower() in _NOTHING or not text.strip(".") or len(text) > _LONGEST
    return None if names_nothing or not text.isprintable() else text


def identifier_in(document: Mapping[str, Any]) -> str | None:
    """
    Return the id of the training, or model, that an object is about.

    Its own ids are ``training_id`` and ``model_id``, which are equal (quirk Q4). A plain ``id`` may be the number of a
    row in the service's table: it counts only where neither of the two is present, and only when it is no number.

    :param document: a decoded answer, or an item of a list.
    """
    keys = [key for key in ("training_id", "model_id") if key in document]
    if keys:
        return next((name for key in keys if (name := identifier(document[key]))), None)
    name = identifier(document.get("id"))
    return None if name is None or name.isdecimal() else name


def checked_identifier(name: str, value: Any) -> str:
    """
    Return an id that can stand in a path of the service.

    :param name: the argument's name, for the refusal.
    :param value: the id as text or number. A template without a value renders as ``None``, and ``..`` would
        lead to another endpoint: both are refused.
    :raises DreamboothValidationError: naming the argument and the correction; no request is made.
    """
    text = None if isinstance(value, float) else identifier(value)
    if text is None:
        shown = repr(value)
        raise DreamboothValidationError(
            f"{name} is {shown if len(shown) <= 60 else shown[:57] + '...'}, {_why_it_is_no_id(name, value)}. "
            "Nothing was sent to the service and nothing was paid."
        )
    return text


def _why_it_is_no_id(name: str, value: Any) -> str:
    if isinstance(value, float):
        # Such as an id of digits around one e.
        return (
            "a number and no longer the id: render_template_as_native_obj=True converted the text. Pass the id as "
            f"{name}=train.output, which is not rendered, or turn that off for this DAG"
        )
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return (
            "a list. The output of a mapped task holds one id for each of its instances: run this task once for each "
            f"with .expand({name}=train.output)"
        )
    return f"which names nothing. Pass the id that the service gave, such as {name}=train.output"
