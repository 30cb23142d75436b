# SPDX-License-Identifier: Apache-2.0
"""
The fields of a ``dreambooth`` connection, described once.

:mod:`~.connection_form` draws the form from this table, and :mod:`~.connection` reads a stored connection by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT_HOST = "https://stablediffusionapi.com"

FieldType = Literal["string", "integer"]


@dataclass(frozen=True)
class ExtraField:
    """One field that is kept in the connection's extra."""

    name: str
    label: str
    description: str
    type: FieldType
    default: str | int | None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    secret: bool = False


EXTRA_FIELDS: tuple[ExtraField, ...] = (
    ExtraField(
        name="environment",
        label="Environment",
        description="sandbox: /api/sandbox/v3/..., to try out. production: /api/v3/..., all features.",
        type="string",
        default="sandbox",
        choices=("sandbox", "production"),
    ),
    ExtraField(
        name="timeout",
        label="Request timeout",
        description="Seconds that one HTTP request may take. A training itself may take as long as it needs.",
        type="integer",
        default=30,
        minimum=1,
    ),
    ExtraField(
        name="max_concurrent_requests",
        label="Concurrent requests",
        description="How many requests one process sends at the same time over this connection's account.",
        type="integer",
        default=5,
        minimum=1,
    ),
    ExtraField(
        name="verify",
        label="Verify TLS",
        description="true, false, or the path of a CA bundle on the workers and the triggerer.",
        type="string",
        default="true",
    ),
    ExtraField(
        name="inference_api",
        label="Inference API",
        description="Form of rendering, fetch and reload: v6 (today's), v4 (that of 2023), or auto to find out.",
        type="string",
        default="auto",
        choices=("auto", "v4", "v6"),
    ),
    ExtraField(
        name="max_trainings_per_day",
        label="Trainings per day",
        description="Most trainings that may be paid for on this account in 24 hours. Empty: no limit. Needs Airflow 3.3.",
        type="integer",
        default=None,
        minimum=1,
    ),
    ExtraField(
        name="hf_token",
        label="Hugging Face token",
        description="For the v6 trainer, where its base model asks for one.",
        type="string",
        default=None,
        secret=True,
    ),
)
