# SPDX-License-Identifier: Apache-2.0
"""The two interfaces by which the service trains: v3 (Dreambooth and LoRA) and v6 (the trainer). Each knows its own trainings."""

from __future__ import annotations

from enum import StrEnum


class TrainingApi(StrEnum):
    """Which interface has a training."""

    V3 = "v3"
    V6 = "v6"

    @property
    def has_list(self) -> bool:
        """Whether the account's list of models shows its trainings."""
        return self is TrainingApi.V3

    @property
    def cancel_operator(self) -> str:
        """How a DAG cancels one of its trainings, for messages."""
        further = "(training_api='v6')" if self is TrainingApi.V6 else ""
        return f"DreamboothCancelTrainingOperator{further}"
