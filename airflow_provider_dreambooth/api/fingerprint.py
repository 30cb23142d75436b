# SPDX-License-Identifier: Apache-2.0
"""What makes two requests the same paid training: everything that is billed, and the account it is billed to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
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


def billed(
    method: str, body: Mapping[str, Any], images: Sequence[str] | None, *, without: Collection[str]
) -> dict[str, Any]:
    """
    Return all that makes a training another one than the next: the input of its fingerprint.

    :param body: what is sent.
    :param images: what stands for the images instead of their links, such as hashes of their content.
    :param without: fields that make no training another one.
    """
    kept = {name: value for name, value in body.items() if name not in without}
    return {"method": method, **kept, **({} if images is None else {"images": list(images)})}


def account_of(base_url: str, environment: str) -> str:
    """
    Return where a training lives, for the record. The key is no part of it: a renewed key is the same account.

    :param environment: ``sandbox`` or ``production``.
    """
    return f"{service_host(base_url)} {environment}"


def is_hosted(base_url: str) -> bool:
    """Return whether a base URL leads to the hosted service, under whichever name."""
    return urlsplit(base_url).hostname in _SAME_SERVICE


def service_host(base_url: str) -> str:
    """Return the host that has the trainings: one name for the hosted service, with the port for anything else."""
    return (
        "stablediffusionapi.com"
        if is_hosted(base_url)
        else urlsplit(base_url).netloc.rpartition("@")[2].lower()
    )
