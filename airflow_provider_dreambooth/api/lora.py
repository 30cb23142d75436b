# SPDX-License-Identifier: Apache-2.0
"""
LoRAs in a rendering: their names and strengths, and whether they fit the base model.

A LoRA changes a base model of the family that it was trained on: ``normal`` is Stable Diffusion 1.5, ``sdxl`` is
Stable Diffusion XL. One of v3 never fits Flux (documentation of 2026). What does not fit is billed and useless.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from airflow_provider_dreambooth.api.identifier import checked_identifier
from airflow_provider_dreambooth.api.refusal import refuse, shown
from airflow_provider_dreambooth.api.scalar import is_absent, number_in

#: ``base_model_type`` of a v3 LoRA training that names none (documentation page "lora_fine_tune").
USUAL_BASE_MODEL_TYPE = "sdxl"
#: ``base_model_type`` -> what the family is called.
FAMILIES = {"normal": "Stable Diffusion 1.5", "sdxl": "Stable Diffusion XL"}
#: The pages say 0.1 to 1, a published client takes up to 2: the widest is taken.
_STRONGEST = 2.0
#: Words in a base model's id that tell its family. Ids without one are of an unknown family and never refused.
_TELLING = (
    (re.compile(r"(?:^|[^a-z])flux"), "flux"),
    (re.compile(r"sdxl|(?:^|[^a-z0-9])xl(?:$|[^a-z])"), "sdxl"),
    (re.compile(r"z[-_]?image"), "z_image"),
    (
        re.compile(r"(?:^|[^a-z])(?:sd|stable-diffusion)[-_ ]?v?1[-_. ]?[45]|^portraitplus-diffusion$"),
        "normal",
    ),
)


def family_of(base_model_id: str) -> str | None:
    """
    Return the family of a base model by the words in its id, ``None`` when they do not tell.

    :param base_model_id: a public model, such as ``sdxl`` or ``flux``.
    """
    text = base_model_id.lower()
    return next((family for pattern, family in _TELLING if pattern.search(text)), None)


def refuse_unfit_base(base_model_id: str, base_model_type: str | None) -> None:
    """
    Refuse a base model that the LoRA was not trained on, where both are known.

    :param base_model_id: the rendering's ``model_id``.
    :param base_model_type: the LoRA's, ``None`` when it is not known.
    :raises DreamboothValidationError: they do not fit; nothing was billed.
    """
    base = family_of(base_model_id)
    if base is None or base_model_type not in FAMILIES or base == base_model_type:
        return
    raise refuse(
        "model_id",
        f"is {shown(base_model_id)}, which a LoRA with base_model_type {base_model_type!r} does not fit: it was trained on "
        f"{FAMILIES[base_model_type]}",
        f"Name a base model of the family {FAMILIES[base_model_type]}, or train the LoRA on another base_model_type",
    )


def checked_loras(lora_model: Any, lora_strength: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    Return the ids of LoRAs and their strengths, as the service writes them.

    :param lora_model: one id, a list of ids, or the service's own form: ids with commas between them.
    :param lora_strength: one number for all, or as many as there are LoRAs; ``None`` leaves it to the service.
    :raises DreamboothValidationError: naming the argument and the correction.
    """
    models = tuple(checked_identifier("lora_model", item) for item in _items(lora_model))
    if lora_model is not None and not models:
        raise refuse(
            "lora_model", f"is {shown(lora_model)}, which names no LoRA", "Name one, or leave it out"
        )
    if len(set(models)) < len(models):
        raise refuse("lora_model", f"is {shown(lora_model)}, which names a LoRA twice", "Name each LoRA once")
    strengths = tuple(_strength(item) for item in _items(None if is_absent(lora_strength) else lora_strength))
    if strengths and not models:
        raise refuse(
            "lora_strength", "is given without lora_model", "Name the LoRA, or leave lora_strength out"
        )
    if len(strengths) == 1:
        strengths *= len(models)
    if strengths and len(strengths) != len(models):
        raise refuse(
            "lora_strength",
            f"has {len(strengths)} numbers for {len(models)} LoRAs",
            "Give one number for all, or one for each",
        )
    return models, strengths


def _items(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    if isinstance(value, (list, tuple)):
        return value
    return (value,)


def _strength(value: Any) -> str:
    number = number_in(value)
    if number is None or not 0 < number <= _STRONGEST:
        raise refuse(
            "lora_strength", f"is {shown(value)}", f"Write numbers above 0, up to {_STRONGEST:g}, such as 0.7"
        )
    return f"{number:g}"
