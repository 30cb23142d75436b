# SPDX-License-Identifier: Apache-2.0
"""What the service takes for each field of a training.

Each check returns the value to send or refuses it with the field's name and the fix, before money is spent.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.identifier import identifier
from airflow_provider_dreambooth.api.refusal import (
    check_list,
    checked_extra_fields,
    refuse,
    shown,
    whole_number,
)
from airflow_provider_dreambooth.api.scalar import is_absent

#: Method of the operator -> endpoint of the service.
ENDPOINTS = {"dreambooth": "fine_tune", "dreambooth_v2": "fine_tune_v2", "lora": "lora_fine_tune"}
#: Below this the service fails the job after it is paid (observed in the trainer).
FEWEST_IMAGES = 3
#: Below this the documentation expects a poor likeness ("7-8 images").
FEWEST_GOOD_IMAGES = 7
TRAINING_TYPES = ("men", "female", "couple")
#: Least and most ``max_train_steps``. Dreambooth: steps, documentation of 2023. LoRA: epochs, documentation
#: of 2026. The two contradict each other on how to choose one (quirk Q6), so none is derived for the user.
STEP_RANGES = {"dreambooth": (1, 2000), "lora": (10, 50)}
#: The service's fixed list (documentation page "fine_tune_v2"): note that 1e-0 to 1e-4 are not in it.
LEARNING_RATES = frozenset(
    [f"1e-{exponent}" for exponent in range(5, 11)]
    + [f"{mantissa}e-{exponent}" for mantissa in range(2, 7) for exponent in range(11)]
)

#: Airflow's render_template_as_native_obj makes a number of such a text.
_RATE_OF_NUMBER = {float(rate): rate for rate in LEARNING_RATES}
_NATIVE = (
    "With render_template_as_native_obj=True a text that reads like Python becomes another type: turn that off for this "
    "DAG, or write a text that does not"
)

_OWN_ARGUMENTS = frozenset(
    {
        "instance_prompt",
        "class_prompt",
        "images",
        "training_type",
        "max_train_steps",
        "seed",
        "base_model_id",
        "webhook",
    }
)
_RATE_FIELDS = frozenset({"learning_rate_unet", "learning_rate_text_encoder"})
_STEP_FIELDS = frozenset({"steps_unet", "steps_text_encoder"})
_FIELDS_OF_METHOD = {
    "dreambooth_v2": _RATE_FIELDS | _STEP_FIELDS,
    "lora": frozenset({"base_model_type", "lora_type", "negative_prompt", "wandb_key"}),
}
_CHOICES = {"base_model_type": ("normal", "sdxl"), "lora_type": ("lora", "lycoris")}


def check_method(value: Any, *, sandbox: bool) -> str:
    """
    Return the method.

    :param value: ``dreambooth``, ``dreambooth_v2`` or ``lora``.
    :param sandbox: the sandbox has ``fine_tune`` alone.
    """
    if not isinstance(value, str) or value not in ENDPOINTS:
        raise refuse("method", f"is {shown(value)}", f"Use one of {', '.join(ENDPOINTS)}")
    if sandbox and value != "dreambooth":
        raise refuse(
            "method",
            f"is {value!r}, which the sandbox environment does not have",
            "Use method='dreambooth', or set environment to production in the connection",
        )
    return value


def check_prompt(field: str, value: Any) -> str:
    """Return a prompt without surrounding blanks."""
    if is_absent(value):
        raise refuse(field, "is empty", "Write the prompt")
    if not isinstance(value, str):
        raise refuse(field, f"is {shown(value)}, {type(value).__name__} and not text", _NATIVE)
    return value.strip()


def is_link(value: str) -> bool:
    """Whether a text is an http(s) URL with a host."""
    if re.search(r"\s", value) or not value.isprintable():
        return False
    try:
        parts = urlsplit(value)
        # Reading the port refuses one that is none.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check_images(value: Any) -> tuple[str, ...]:
    """
    Return the links of the images.

    :param value: a list, or anything else with an order, of public http(s) links.
    """
    links: list[str] = []
    for position, item in enumerate(check_list("images", value, "Write a list of links")):
        if not isinstance(item, str) or not is_link(item.strip()):
            raise refuse(
                f"images[{position}]",
                f"is {shown(item)}, not an http(s) URL",
                "The service takes direct, public links",
            )
        if item.strip() in links:
            raise refuse(
                "images",
                f"holds {shown(item.strip())} more than once",
                "Name each image once: one seen twice adds nothing to the likeness, and does not count",
            )
        links.append(item.strip())
    if len(links) < FEWEST_IMAGES:
        raise refuse(
            "images",
            f"has {len(links)} image{'' if len(links) == 1 else 's'}",
            f"Give at least {FEWEST_IMAGES}, better 7 or 8: with fewer the service fails the training after "
            "it is paid",
        )
    return tuple(links)


def warnings_about_images(links: tuple[str, ...]) -> list[str]:
    """Return what the service accepts and a person may regret."""
    if len(links) < FEWEST_GOOD_IMAGES:
        return [f"images has {len(links)} images; the service advises 7 or 8 for a good likeness."]
    return []


def check_training_type(value: Any, method: str) -> tuple[str | None, str | None]:
    """
    Return the training type and a warning.

    :param value: ``men``, ``female`` or ``couple``. Null, "null", "none" and absence are the same thing: the
        trainer then takes generic images of the class (observed).
    :param method: today's documentation has ``women`` for a LoRA (quirk Q5).
    """
    if is_absent(value):
        return None, None
    if isinstance(value, str) and value in TRAINING_TYPES:
        return value, None
    if value == "women" and method == "lora":
        return "women", (
            "training_type 'women' is in today's LoRA documentation, but the trainer knows only 'female' and "
            "may treat 'women' as no type at all; 'female' is safer."
        )
    fix = f"Use one of {', '.join(TRAINING_TYPES)} or None"
    if value in ("women", "woman"):
        fix = "'female' is the service's word"
    raise refuse("training_type", f"is {shown(value)}", fix)


def check_steps(value: Any, method: str) -> int | None:
    """
    Return ``max_train_steps`` within the method's range.

    :param value: steps for ``dreambooth``, epochs for ``lora``; ``None`` leaves them to the service.
    :param method: decides the range, and whether there is such a field.
    """
    if is_absent(value):
        return None
    if method not in STEP_RANGES:
        raise refuse(
            "max_train_steps",
            f"is set, and method {method!r} has no such field",
            "Leave it out and set steps_unet and steps_text_encoder in parameters",
        )
    steps = whole_number("max_train_steps", value)
    least, most = STEP_RANGES[method]
    if not least <= steps <= most:
        raise refuse("max_train_steps", f"is {shown(steps)}", f"Method {method!r} takes {least} to {most}")
    return steps


def check_seed(value: Any) -> int | None:
    """Return the seed; ``None`` for a random one."""
    if is_absent(value):
        return None
    seed = whole_number("seed", value)
    if seed < 0:
        raise refuse("seed", f"is {shown(seed)}", "Write a whole number from 0, or None for a random seed")
    return seed


def check_base_model_id(value: Any, method: str, *, sandbox: bool) -> str | None:
    """
    Return the id of the model to start from, ``None`` when none is set.

    :param value: an id out of the service's public model list.
    :param method: a LoRA has no such field.
    :param sandbox: neither has the sandbox.
    """
    if is_absent(value):
        return None
    if sandbox:
        raise refuse(
            "base_model_id",
            "is set, and the sandbox environment has no such field",
            "Leave it out, or set environment to production in the connection",
        )
    if method == "lora":
        raise refuse(
            "base_model_id",
            "is set, and method 'lora' has no such field",
            "Leave it out; parameters={'base_model_type': 'normal' or 'sdxl'} chooses the base of a LoRA",
        )
    name = identifier(value)
    if name is None:
        raise refuse("base_model_id", f"is {shown(value)}, which names no model", "Write the model's id")
    return name


def check_webhook(value: Any) -> str | None:
    """Return the webhook's link; ``None`` and "" mean none."""
    if is_absent(value):
        return None
    if not isinstance(value, str) or not is_link(value.strip()):
        raise refuse(
            "webhook", f"is {shown(value)}, not an http(s) URL", "Give a public link, or leave it out"
        )
    return value.strip()


def check_learning_rate(where: str, value: Any) -> str:
    """
    Return a learning rate as the text that the service takes.

    :param where: the field's name, for the refusal.
    :param value: one of :data:`LEARNING_RATES`, or a number that is equal to one.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value in _RATE_OF_NUMBER:
        return _RATE_OF_NUMBER[value]
    if isinstance(value, str) and value in LEARNING_RATES:
        return value
    raise refuse(
        where,
        f"is {shown(value)}",
        "The service takes, as text, '1e-5' to '1e-10' and '2e-0' to '6e-10', such as '2e-6'",
    )


def check_parameters(parameters: Any, method: str) -> dict[str, Any]:
    """
    Return the further body fields as they are, after refusing those that cannot be meant.

    :param parameters: field name -> value. Fields that no documentation has are passed on.
    :param method: decides which of the documented fields there are.
    """
    checked = checked_extra_fields(parameters, _OWN_ARGUMENTS)
    for field, value in checked.items():
        where = f"parameters[{field!r}]"
        owners = [owner for owner, fields in _FIELDS_OF_METHOD.items() if field in fields]
        if owners and method not in owners:
            raise refuse(
                where,
                f"is set, and method {method!r} has no such field",
                f"Leave it out, or use method={owners[0]!r}",
            )
        if value is None:
            continue
        if field in _RATE_FIELDS:
            checked[field] = check_learning_rate(where, value)
        if field in _STEP_FIELDS and whole_number(where, value) < 1:
            raise refuse(where, f"is {shown(value)}", "Write a whole number from 1")
        if field in _CHOICES and value not in _CHOICES[field]:
            raise refuse(where, f"is {shown(value)}", f"Use one of {', '.join(_CHOICES[field])}")
    return checked
