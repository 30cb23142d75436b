# SPDX-License-Identifier: Apache-2.0
"""A connection to the emulator with an account of its own, in each form that Airflow or a secrets backend can hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from airflow_provider_dreambooth.emulator.service import fingerprint
from dev.demo.ports import HOST


@dataclass(frozen=True)
class Account:
    """
    One account at the emulator.

    :param conn_id: the connection that leads to it, and to no other.
    :param port: the emulator's port.
    """

    conn_id: str
    port: int
    extra: dict[str, Any] = field(
        default_factory=lambda: {
            "environment": "production",
            "timeout": 17,
            "max_concurrent_requests": 3,
            "verify": False,
            "inference_api": "v6",
            "max_trainings_per_day": 40,
        }
    )

    @property
    def key(self) -> str:
        """Its API key: recognisable, with characters that a URI must quote."""
        return f"Never/Shown@Key+of?{self.conn_id}#77"

    @property
    def fingerprint(self) -> str:
        """The emulator's name for it."""
        return fingerprint(self.key)

    def fields(self) -> dict[str, Any]:
        """The connection as fields."""
        return {
            "conn_type": "dreambooth",
            "host": f"http://{HOST}",
            "port": self.port,
            "password": self.key,
            "extra": self.extra,
        }

    def texts(self) -> dict[str, str]:
        """The connection as fields that are all text, as ``vault kv put`` writes them."""
        return {
            name: json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in self.fields().items()
        }

    def uri(self) -> str:
        """The connection as a URI; every extra is text in it."""
        extra = {name: str(value).lower() for name, value in self.extra.items()}
        return f"dreambooth://:{quote(self.key, safe='')}@{HOST}:{self.port}/http?{urlencode(extra)}"

    def settings(self) -> dict[str, Any]:
        """What the provider must make of it, as ``connection_reading`` tells it."""
        return {
            "api_key": self.fingerprint,
            "base_url": f"http://{HOST}:{self.port}",
            "environment": "production",
            "timeout": 17.0,
            "max_concurrent_requests": 3,
            "verify": False,
            "inference_api": "v6",
            "max_trainings_per_day": 40,
            "hf_token": None,
            "unused": [],
        }
