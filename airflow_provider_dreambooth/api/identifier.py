"""Ids of trainings, models and requests: numbers or strings on the wire, always text here (quirk Q14)."""

from __future__ import annotations

from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothValidationError

_LONGEST = 200


def identifier(value: Any) -> str | None:
    """
    Return an id as text.

    :param value: what stands where an id should; observed are 10 to 25 alphanumerics, numbers and UUIDs.
    :return: ``None`` for anything that names nothing: empty, ``null``, a flag, a list, unprintable text.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    text = str(value).strip()
    return text if text.isprintable() and text else None


def checked_identifier(name: str, value: Any) -> str:
    """
    Return an id that can stand in a path of the service.

    :param name: the argument's name, for the refusal.
    :param value: the id as text or number. A template without a value renders as ``None``, and ``..`` would
        lead to another endpoint: both are refused.
    :raises DreamboothValidationError: naming the argument and the mend; no request is made.
    """
    text = identifier(value)
    if text is None or len(text) > _LONGEST or text.lower() in ("none", "null") or not text.strip("."):
        shown = repr(value)
        raise DreamboothValidationError(
            f"{name} is {shown if len(shown) <= 60 else shown[:57] + '...'}, which names nothing. Pass the "
            f"id that the service gave, such as {name}=train.output. "
            "Nothing was sent to the service and nothing was paid."
        )
    return text
