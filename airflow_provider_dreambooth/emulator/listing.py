# SPDX-License-Identifier: Apache-2.0
"""A row of a list of models."""

from __future__ import annotations

from typing import Any


def list_item(model_id: str | None, status: str, created_at: str, **known: str | None) -> dict[str, Any]:
    """Return an item of a list of models. Flags and counters are strings, as observed.

    :param model_id: the id, or None.
    :param status: the stage.
    :param created_at: ISO time.
    :param known: further keys that are known.
    """
    return {
        "model_id": model_id,
        "status": status,
        "created_at": created_at,
        "instance_prompt": None,
        "api_calls": "0",
        "model_category": "stable_diffusion",
        "model_name": model_id,
        "is_nsfw": "0",
        "featured": "no",
        "description": None,
        "screenshots": "",
        "model_subcategory": None,
        "model_format": "safetensors",
        "feature": "Imagen",
        **known,
    }
