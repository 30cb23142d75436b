"""What makes two requests the same paid training: everything that is billed, and the account it is billed to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

#: Two names of one service (documentation of 2023 and of today).
_SAME_SERVICE = {"stablediffusionapi.com", "www.stablediffusionapi.com", "modelslab.com", "www.modelslab.com"}


def fingerprint(billed: Mapping[str, Any]) -> str:
    """
    Return a short, stable digest of what is billed.

    :param billed: :meth:`FineTuneRequest.billed`; JSON values only.
    """
    canonical = json.dumps(billed, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()[:32]


def account_of(base_url: str, environment: str) -> str:
    """
    Return where a training lives, for the record. The key is no part of it: a renewed key is the same account.

    :param base_url: the connection's base URL.
    :param environment: ``sandbox`` or ``production``.
    """
    parts = urlsplit(base_url)
    host = "stablediffusionapi.com" if parts.hostname in _SAME_SERVICE else parts.netloc
    return f"{host} {environment}"
