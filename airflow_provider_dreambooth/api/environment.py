# SPDX-License-Identifier: Apache-2.0
"""The two environments of the hosted service, and the paths that follow from them."""

from __future__ import annotations

from enum import StrEnum


class Environment(StrEnum):
    """
    Which training endpoints a connection uses.

    ``sandbox`` has only ``fine_tune`` and ``fine_tune_status``; no page says that it is free (quirk Q20).
    """

    SANDBOX = "sandbox"
    PRODUCTION = "production"

    @property
    def has_cancel(self) -> bool:
        """Whether a running training can be cancelled."""
        return self is Environment.PRODUCTION

    @property
    def has_model_list(self) -> bool:
        """Whether ``finetune_list`` shows the trainings started here."""
        return self is Environment.PRODUCTION


def training_path(environment: Environment, endpoint: str) -> str:
    """
    Return the path of a training endpoint.

    :param endpoint: what follows ``v3/``, such as ``fine_tune``.
    """
    prefix = "/api/sandbox/v3/" if environment is Environment.SANDBOX else "/api/v3/"
    return prefix + endpoint
