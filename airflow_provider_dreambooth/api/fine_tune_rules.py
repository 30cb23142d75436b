"""What the service takes for each field of a training, and how a refusal reads.

Each check returns the value to send or refuses it with the field's name and the mend, before money is spent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.exceptions import DreamboothValidationError

#: Method of the operator -> endpoint of the service.
ENDPOINTS = {"dreambooth": "fine_tune", "dreambooth_v2": "fine_tune_v2", "lora": "lora_fine_tune"}
#: Below this the service fails the job after it is paid (observed in the trainer).
FEWEST_IMAGES = 3
#: Below this the documentation expects a poor likeness ("7-8 images").
FEWEST_GOOD_IMAGES = 7
TRAINING_TYPES = ("men", "female", "couple")
#: Least and most ``max_train_steps``. Dreambooth: steps, documentation of 2023. LoRA: epochs, documentation of 2026.
STEP_RANGES = {"dreambooth": (1, 2000), "lora": (10, 50)}
#: The service's fixed list (documentation page "fine_tune_v2"): note that 1e-0 to 1e-4 are not in it.
LEARNING_RATES = frozenset(
    [f"1e-{exponent}" for exponent in range(5, 11)]
    + [f"{mantissa}e-{exponent}" for mantissa in range(2, 7) for exponent in range(11)]
)

_OWN_ARGUMENTS = {
    "instance_prompt",
    "class_prompt",
    "images",
    "training_type",
    "max_train_steps",
    "seed",
    "base_model_id",
    "webhook",
}
_FIELDS_OF_METHOD = {
    "dreambooth_v2": {"learning_rate_unet", "steps_unet", "learning_rate_text_encoder", "steps_text_encoder"},
    "lora": {"base_model_type", "lora_type", "wandb_key"},
}
_CHOICES = {"base_model_type": ("normal", "sdxl"), "lora_type": ("lora", "lycoris")}


def refuse(field: str, what: str, mend: str) -> DreamboothValidationError:
    """Return the refusal of a field."""
    return DreamboothValidationError(f"{field} {what}. {mend}. Nothing was sent to the service and nothing was paid.")


def check_prompt(field: str, value: Any) -> str:
    """Return a prompt without surrounding blanks."""
    if not isinstance(value, str) or not value.strip():
        raise refuse(field, "is empty" if not value else f"is {type(value).__name__}, not text", "Write the prompt")
    return value.strip()


def is_link(value: str) -> bool:
    """Whether a text is an http(s) URL with a host."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)
    except ValueError:
        return False


def check_images(value: Any) -> tuple[str, ...]:
    """Return the links of the pictures."""
    if isinstance(value, (str, bytes)):
        raise refuse(
            "images",
            "is a single text, not a list",
            "Write a list of links; for a list out of a template set render_template_as_native_obj=True on the DAG, "
            "or pass the XCom as task.output",
        )
    if value is None or isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise refuse("images", f"is {type(value).__name__}, not a list", "Write a list of links")
    links: list[str] = []
    for position, item in enumerate(value):
        if not isinstance(item, str) or not is_link(item.strip()):
            shown = repr(item if len(str(item)) <= 120 else str(item)[:117] + "...")
            raise refuse(f"images[{position}]", f"is {shown}, not an http(s) URL", "The service takes direct, public links")
        links.append(item.strip())
    if len(links) < FEWEST_IMAGES:
        raise refuse(
            "images",
            f"has {len(links)} picture{'' if len(links) == 1 else 's'}",
            f"Give at least {FEWEST_IMAGES}, better 7 or 8: with fewer the service fails the training after it is paid",
        )
    if len(set(links)) < len(links):
        twice = next(link for link in links if links.count(link) > 1)
        raise refuse("images", f"holds {twice} more than once", "Give each picture once")
    return tuple(links)


def check_training_type(value: Any, method: str) -> tuple[str | None, str | None]:
    """Return the training type and a warning. Null, "null", "none" and absence are the same thing."""
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "null", "none")):
        return None, None
    if value in TRAINING_TYPES:
        return str(value), None
    if value == "women" and method == "lora":
        return "women", (
            "training_type 'women' is in today's LoRA documentation, but the trainer knows only 'female' and "
            "may treat 'women' as no type at all; 'female' is safer."
        )
    mend = "'female' is the service's word" if value in ("women", "woman") else f"Use one of {', '.join(TRAINING_TYPES)} or None"
    raise refuse("training_type", f"is {value!r}", mend)


def _whole_number(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise refuse(field, f"is {value!r}, not a whole number", "Write a whole number")
    try:
        return int(value)
    except ValueError:
        raise refuse(field, f"is {value!r}, not a whole number", "Write a whole number") from None


def check_steps(value: Any, method: str) -> int | None:
    """Return ``max_train_steps`` within the method's range."""
    if value is None:
        return None
    if method not in STEP_RANGES:
        raise refuse(
            "max_train_steps",
            f"is set, and method {method!r} has no such field",
            "Leave it out and set steps_unet and steps_text_encoder in parameters",
        )
    steps = _whole_number("max_train_steps", value)
    least, most = STEP_RANGES[method]
    if not least <= steps <= most:
        raise refuse(
            "max_train_steps", f"is {steps}", f"Method {method!r} takes {least} to {most}"
        )
    return steps


def check_seed(value: Any) -> int | None:
    """Return the seed; ``None`` for a random one."""
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "null", "none")):
        return None
    seed = _whole_number("seed", value)
    if seed < 0:
        raise refuse("seed", f"is {seed}", "Write a whole number from 0, or None for a random seed")
    return seed


def check_webhook(value: Any) -> str | None:
    """Return the webhook's link; ``None`` and "" mean none."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not is_link(value):
        raise refuse("webhook", f"is {value!r}, not an http(s) URL", "Give a public link, or leave it out")
    return value


def check_parameters(parameters: Mapping[str, Any] | None, method: str) -> dict[str, Any]:
    """Return the further body fields as they are, after refusing those that cannot be meant."""
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise refuse("parameters", f"is {type(parameters).__name__}, not a dictionary", "Write {'field': value}")
    for field, value in parameters.items():
        where = f"parameters[{field!r}]"
        if field == "key":
            raise refuse(where, "would carry an API key", "Put the key into the connection's password field")
        if field in _OWN_ARGUMENTS:
            raise refuse(where, "is an argument of its own", f"Pass {field}=… instead")
        owners = [owner for owner, fields in _FIELDS_OF_METHOD.items() if field in fields]
        if owners and method not in owners:
            raise refuse(
                where, f"is set, and method {method!r} has no such field", f"Leave it out, or use method={owners[0]!r}"
            )
        if field.startswith("learning_rate_") and value is not None and str(value) not in LEARNING_RATES:
            raise refuse(
                where,
                f"is {value!r}",
                "The service takes, as text, 1e-5 to 1e-10 and 2e-0 to 6e-10 in single exponents, such as '2e-6'",
            )
        if field in ("steps_unet", "steps_text_encoder") and value is not None and _whole_number(where, value) < 1:
            raise refuse(where, f"is {value!r}", "Write a whole number from 1")
        if field in _CHOICES and value is not None and value not in _CHOICES[field]:
            raise refuse(where, f"is {value!r}", f"Use one of {', '.join(_CHOICES[field])}")
    return dict(parameters)
