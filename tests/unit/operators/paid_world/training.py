# SPDX-License-Identifier: Apache-2.0
"""A training as it is at the service, whoever knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import outcome_of

#: Keys of two accounts: the first has renewed its key.
KEYS = {"key-one-of-account-A": "A", "key-two-of-account-A": "A", "key-of-account-B": "B"}
#: Host names: two lead to the same service.
HOSTS = {"service": "hosted", "gateway": "hosted", "elsewhere": "another service"}


@dataclass
class Training:
    """What the service knows, and what is true of a training."""

    training_id: str
    #: The task that paid it, ``None`` for one that somebody started by hand.
    owner: Any
    inputs: int
    accepted_at: float
    key: str = "key-one-of-account-A"
    host: str = "service"
    stage: str = "training_started"
    permanent: bool = False
    vanished: bool = False
    #: Its id came from the service's answer or from a person, as opposed to one that was inferred.
    told: bool = False
    #: Cancelled through the provider, as opposed to by somebody at the service.
    cancelled_by_us: bool = False
    clears_before: int = 0

    @property
    def ended(self) -> bool:
        return self.stage != "training_started"


def status_of(training: Training) -> FineTuneStatus:
    """Return the service's answer about a training."""
    reason = "Training Failed" if training.stage == "training_failed" else None
    return FineTuneStatus(
        training.training_id,
        training.stage,
        outcome_of(training.stage),
        reason=reason,
        cause_is_permanent=training.permanent,
    )
