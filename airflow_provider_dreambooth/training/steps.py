# SPDX-License-Identifier: Apache-2.0
"""The steps that lead a task to its training: what :mod:`airflow_provider_dreambooth.training.decision` can decide."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.training.record import Record


@dataclass(frozen=True)
class Submit:
    """
    Pay for a new training.

    :param why: for the log.
    :param settled: the record's own request is known to have left nothing, and is in doubt no more.
    """

    why: str
    settled: bool = False


@dataclass(frozen=True)
class PutBack:
    """
    Make the earlier training's record the task's record again.

    :param record: the earlier training's.
    :param why: for the log.
    :param settled: the request that was to replace it is known to have left nothing.
    """

    record: Record
    why: str
    settled: bool


@dataclass(frozen=True)
class CancelEarlier:
    """
    End the training that the record's one has replaced.

    :param training_id: the earlier training.
    :param left_running: why it is not to be cancelled, ``None`` when it is.
    """

    training_id: str
    left_running: str | None = None


@dataclass(frozen=True)
class AskStatus:
    """Ask the service for the recorded training's status."""

    training_id: str


@dataclass(frozen=True)
class AskModels:
    """Ask for the account's models, not before that time (epoch seconds)."""

    not_before: float


@dataclass(frozen=True)
class Adopt:
    """Take this training for the one whose answer was lost."""

    training_id: str


@dataclass(frozen=True)
class Wait:
    """The recorded training is running: nothing to pay."""

    training_id: str
    status: FineTuneStatus


@dataclass(frozen=True)
class Finished:
    """The recorded training is ready: nothing to pay."""

    training_id: str


@dataclass(frozen=True)
class Fail:
    """End this try with an error; its class tells whether Airflow may retry."""

    error: DreamboothError


Step = Submit | PutBack | CancelEarlier | AskStatus | AskModels | Adopt | Wait | Finished | Fail
