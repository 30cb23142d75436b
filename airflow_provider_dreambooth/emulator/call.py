# SPDX-License-Identifier: Apache-2.0
"""One authenticated call of the API, and what it may ask of the emulator for itself alone."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(slots=True)
class Call:
    """One authenticated API call.

    :param ident: the id at the end of the path, or an empty string.
    :param body: the JSON body.
    :param account: fingerprint of the key.
    :param base_url: scheme and host the caller used.
    """

    endpoint: str
    ident: str
    body: dict[str, Any]
    account: str
    base_url: str

    def wishes(self) -> dict[str, Any]:
        """Return the body field `emulator`, with which a single request asks for special treatment."""
        value = self.body.get("emulator")
        return value if isinstance(value, dict) else {}

    def wished_number(self, name: str, default: float, most: float = 1e9) -> float:
        """Return a number that the request asks for, or the emulator's own where it asks for none that makes sense.

        :param name: field of `emulator`.
        :param default: the emulator's own.
        :param most: the largest that makes sense.
        """
        value = self.wishes().get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            return default
        return float(value)
