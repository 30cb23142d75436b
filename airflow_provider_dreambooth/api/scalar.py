# SPDX-License-Identifier: Apache-2.0
"""Numbers and flags that may come as text, as the service, forms and templates write them."""

from __future__ import annotations

import math
from typing import Any

_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off"})


def number_in(value: Any) -> float | None:
    """Return a finite number; ``None`` for anything else, a flag too."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def flag_in(value: Any) -> bool | None:
    """Return a flag; ``None`` for what is neither ``true``, ``1``, ``yes`` or ``on`` nor the opposite of one."""
    word = str(value).strip().lower()
    return True if word in _YES else False if word in _NO else None


def is_absent(value: Any) -> bool:
    """Whether a value stands for none: ``None``, or the text of it that a template without a value leaves."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "null", "none"))
