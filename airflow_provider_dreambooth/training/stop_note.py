# SPDX-License-Identifier: Apache-2.0
"""
A note that a trigger has stopped a training of the v6 trainer.

The service calls such a training completed, and a trigger cannot write into the task's state. So it leaves an Airflow Variable,
which the task's next try takes over into its record.
"""

from __future__ import annotations

import hashlib
from typing import Any

from airflow_provider_dreambooth.runtime import variables
from airflow_provider_dreambooth.training.record import Ending
from airflow_provider_dreambooth.training.task_record import TaskRecord

PREFIX = "dreambooth_stopped"
DESCRIPTION = "A training of the v6 trainer that was stopped when its task was marked failed: the next try of the task reads it"

#: What the log says when neither note nor record could be written.
NOT_NOTED = (
    "It could not be recorded that training %s was stopped%s: a later try learns it from the service, after 30 minutes without "
    "a request that renders."
)


def key_of(training_id: str) -> str:
    """Return the Variable's key for a training."""
    return f"{PREFIX}.{hashlib.sha256(training_id.encode()).hexdigest()[:24]}"


def take_over(record: TaskRecord, log: Any) -> None:
    """
    Write into the record what a trigger has left, and drop the note.

    :param record: the record of the running task instance.
    :param log: Airflow's task log.
    :raises DreamboothTransientError: Airflow did not answer.
    """
    known = record.load()
    if known is None or known.training_id is None or known.ending is not None:
        return
    key = key_of(known.training_id)
    if variables.accessor().get(key, None) is None:
        return
    log.info("Training %s was stopped when its task was marked failed.", known.training_id)
    record.end(known, known.ended(Ending.CANCELLED, "the task was marked failed"))
    variables.accessor().delete(key)
