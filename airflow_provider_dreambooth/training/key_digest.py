# SPDX-License-Identifier: Apache-2.0
"""A salted digest that tells whether two requests were sent with the same API key, and nothing about the key itself."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_dreambooth.connection import ConnectionSettings

#: About 5 ms: an API key has far more entropy than a password, this only makes short ones expensive to guess.
ROUNDS = 10_000


def digest_of(settings: ConnectionSettings) -> str:
    """
    Return ``salt:digest`` with a random salt: two digests of one key look different.

    :param settings: the connection.
    """
    return _digest(settings, secrets.token_hex(8))


def is_of(digest: str | None, settings: ConnectionSettings) -> bool:
    """
    Return whether a stored digest was made from the connection's key; ``False`` when there is none.

    :param digest: what :func:`digest_of` returned.
    :param settings: the connection.
    """
    if digest is None or ":" not in digest:
        return False
    # As bytes: a person may have put anything into the record.
    return hmac.compare_digest(_digest(settings, digest.partition(":")[0]).encode(), digest.encode())


def _digest(settings: ConnectionSettings, salt: str) -> str:
    # The settings and not the key are passed on: a traceback with local variables must not show it.
    made = hashlib.pbkdf2_hmac("sha256", settings.api_key.encode(), salt.encode(), ROUNDS, 16)
    return f"{salt}:{made.hex()}"
