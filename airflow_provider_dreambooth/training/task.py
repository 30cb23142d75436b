# SPDX-License-Identifier: Apache-2.0
"""What the flows need of the operator or sensor whose task they carry out, rendered. The arguments are described there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.summary import TrainingSummary


class TaskWithHook(Protocol):
    """A task with a connection."""

    dreambooth_conn_id: str

    @property
    def hook(self) -> DreamboothHook:
        """The hook of the task's connection."""

    @property
    def log(self) -> Any:
        """Airflow's task log."""


class TrainingTask(TaskWithHook, Protocol):
    """An operator that starts a training."""

    images: Any
    wait_for_completion: bool
    deferrable: bool
    poll_interval: float | None
    timeout: float | timedelta | None
    cancel_on_kill: bool
    cancel_on_timeout: bool
    on_lost_submission: str
    on_clear: str

    def get_dag(self) -> Any:
        """Return the task's DAG."""


class WatchingTask(TaskWithHook, Protocol):
    """The sensor."""

    training_id: str
    timeout: float
    training_summary: TrainingSummary | None

    @property
    def reschedule(self) -> bool:
        """Whether each poke is a run of its own."""
