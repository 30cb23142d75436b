# SPDX-License-Identifier: Apache-2.0
"""LoRAs: their names and strengths, and which base model they fit."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api.lora import checked_loras, family_of, refuse_unfit_base
from airflow_provider_dreambooth.exceptions import DreamboothValidationError


@pytest.mark.parametrize(
    ("model", "strength", "read"),
    [
        (None, None, ((), ())),
        ("a", None, (("a",), ())),
        ("a", 0.7, (("a",), ("0.7",))),
        ("a, b", "0.45", (("a", "b"), ("0.45", "0.45"))),
        (["a", "b"], [1, "0.5"], (("a", "b"), ("1", "0.5"))),
        (("a", "b"), "0.7,0.5", (("a", "b"), ("0.7", "0.5"))),
        (77, 0.7, (("77",), ("0.7",))),
        ("a", "None", (("a",), ())),
    ],
)
def test_loras_come_as_text_numbers_or_lists(model: Any, strength: Any, read: Any) -> None:
    assert checked_loras(model, strength) == read


@pytest.mark.parametrize(
    ("model", "strength", "field"),
    [
        ("", None, "lora_model"),
        ("None", None, "lora_model"),
        ([], None, "lora_model"),
        (["a", "a"], None, "lora_model"),
        (None, 0.7, "lora_strength"),
        ("a", 0, "lora_strength"),
        ("a", -1, "lora_strength"),
        ("a", 2.1, "lora_strength"),
        ("a", "strong", "lora_strength"),
        ("a", True, "lora_strength"),
        ("a", float("nan"), "lora_strength"),
        (["a", "b"], [0.1, 0.2, 0.3], "lora_strength"),
        ("a", {"a": 1}, "lora_strength"),
    ],
)
def test_what_cannot_be_meant_is_refused(model: Any, strength: Any, field: str) -> None:
    with pytest.raises(DreamboothValidationError, match=rf"^{field} ") as caught:
        checked_loras(model, strength)
    assert "nothing was paid" in str(caught.value)


@pytest.mark.parametrize(
    ("base", "family"),
    [
        ("flux", "flux"),
        ("flux-dev", "flux"),
        ("sdxl", "sdxl"),
        ("juggernaut-xl-v5", "sdxl"),
        ("dreamshaperXL10", None),
        ("z-image-turbo", "z_image"),
        ("stable-diffusion-v1-5", "normal"),
        ("portraitplus-diffusion", "normal"),
        ("realistic-vision-v13", None),
        ("influx", None),
    ],
)
def test_the_family_of_a_base_model_is_read_from_its_id_or_unknown(base: str, family: str | None) -> None:
    assert family_of(base) == family


@pytest.mark.parametrize("base_model_type", ["sdxl", "normal"])
def test_a_lora_of_v3_never_fits_flux(base_model_type: str) -> None:
    with pytest.raises(DreamboothValidationError, match="does not fit"):
        refuse_unfit_base("flux", base_model_type)


@pytest.mark.parametrize(("base", "base_model_type"), [("sdxl", "normal"), ("stable-diffusion-v1-5", "sdxl")])
def test_a_lora_of_another_family_is_refused(base: str, base_model_type: str) -> None:
    with pytest.raises(DreamboothValidationError, match="does not fit"):
        refuse_unfit_base(base, base_model_type)


@pytest.mark.parametrize(
    ("base", "base_model_type"),
    [
        ("sdxl", "sdxl"),
        ("stable-diffusion-v1-5", "normal"),
        ("flux", None),
        ("any", "sdxl"),
        ("sdxl", "other"),
    ],
)
def test_what_fits_or_is_not_known_passes(base: str, base_model_type: str | None) -> None:
    refuse_unfit_base(base, base_model_type)
