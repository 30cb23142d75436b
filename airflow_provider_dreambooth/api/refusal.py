# SPDX-License-Identifier: Apache-2.0
"""How an input is refused before it is sent: the field, what is wrong with it, the fix, and the money.

Beside it the checks that trainings and renderings share.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Set
from typing import Any

from airflow_provider_dreambooth.api.link_text import for_display
from airflow_provider_dreambooth.api.scalar import flag_in, is_absent
from airflow_provider_dreambooth.exceptions import DreamboothValidationError

_LONGEST_SHOWN = 120


def refuse(field: str, what: str, fix: str) -> DreamboothValidationError:
    """
    Return the refusal of a field.

    :param what: what is wrong with it, as the rest of a sentence: ``is empty``.
    :param fix: what to write instead, as a sentence without its full stop.
    """
    return DreamboothValidationError(
        f"{field} {what}. {fix}. Nothing was sent to the service and nothing was paid."
    )


def shown(value: Any) -> str:
    """Return a value as a message shows it: quoted, cut when long, and a link without its query."""
    if isinstance(value, str):
        value = for_display(value)
    try:
        text = repr(value)
    except ValueError:
        # A whole number of more than 4300 digits has no text.
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def whole_number(field: str, value: Any) -> int:
    """
    Return a whole number that may come as text, as the service and templates write them.

    :param field: the argument's name, for the refusal.
    :param value: ``2000``, ``"2000"`` or ``2000.0``.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError
        return int(value)
    except ValueError:
        raise refuse(field, f"is {shown(value)}, not a whole number", "Write a whole number") from None


def yes_or_no(field: str, value: Any, *, absent: bool | None = None) -> bool:
    """
    Return a flag that may come as text, as templates write it.

    :param field: the argument's name, for the refusal.
    :param value: ``True``, ``"true"``, ``"no"``, ``1`` and the like.
    :param absent: what a value that stands for none means; by default it is refused.
    """
    if is_absent(value) and absent is not None:
        return absent
    flag = flag_in(value)
    if flag is None:
        raise refuse(field, f"is {shown(value)}", "Use True or False")
    return flag


def check_list(field: str, value: Any, correction: str) -> Iterable[Any]:
    """
    Return a list, or anything else with an order.

    :param correction: what to write instead.
    """
    if isinstance(value, (str, bytes)):
        text = shown(value) if isinstance(value, str) else ""
        raise refuse(
            field,
            "is a single text, not a list",
            f"Write {field}=[{text}]; for a list out of a template set render_template_as_native_obj=True on the DAG, or "
            "pass the XCom as task.output",
        )
    if isinstance(value, Set):
        # Its order changes from process to process, and with it what identifies the training on a retry.
        raise refuse(field, "is a set, which has no order", correction)
    if value is None or isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise refuse(field, f"is {type(value).__name__}, not a list", correction)
    return value


def check_choice(field: str, value: Any, choices: Collection[str]) -> None:
    """Refuse a word that is none of the choices."""
    if value not in choices:
        raise refuse(field, f"is {shown(value)}", f"Use {' or '.join(map(repr, choices))}")


def check_flag(field: str, value: Any) -> None:
    """Refuse what is no flag, such as the text of one: every text that is not empty would count as true."""
    if not isinstance(value, bool):
        raise refuse(field, f"is {shown(value)}", "Use True or False; this argument is not templated")


def checked_extra_fields(parameters: Any, own_arguments: Collection[str]) -> dict[str, Any]:
    """
    Return further body fields as they are, after refusing those that cannot be meant.

    :param parameters: field name -> value, or ``None``.
    :param own_arguments: fields that have an argument of their own, which a further field would override.
    """
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise refuse(
            "parameters", f"is {type(parameters).__name__}, not a dictionary", "Write {'field': value}"
        )
    for field, value in parameters.items():
        where = f"parameters[{shown(field)}]"
        if not isinstance(field, str):
            raise refuse(where, "is not named by text", "Write {'field': value}")
        if field == "key":
            raise refuse(where, "would carry an API key", "Put the key into the connection's password field")
        if field in own_arguments:
            raise refuse(where, "is an argument of its own", f"Pass {field}=... instead")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            # The value itself is not shown: a further field may be somebody's secret (wandb_key).
            raise refuse(
                where,
                f"is {type(value).__name__} that JSON cannot carry",
                "Write text, numbers, lists or dictionaries",
            ) from None
    return dict(parameters)
