# SPDX-License-Identifier: Apache-2.0
"""A wait that is to be spent off the worker, as a value: what runs below the operators returns it and never defers itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal


@dataclass(frozen=True)
class Deferral:
    """
    What the operator has to do before there is a result: leave its worker until a trigger fires.

    :param awaits: what the trigger waits for: the end of a training, the images of a rendering, or a time.
    :param trigger: arguments of the trigger, without the connection.
    :param timeout: Airflow's own timeout for the deferral, ``None`` for none.
    :param method: method of the operator that Airflow goes on with.
    :param kwargs: further arguments of that method.
    """

    awaits: Literal["training", "images", "time"]
    trigger: Mapping[str, Any]
    timeout: timedelta | None = None
    method: str = "execute_complete"
    kwargs: Mapping[str, Any] | None = None
