# SPDX-License-Identifier: Apache-2.0
"""All operators under the one name that DAGs import. Each has a file of its own beside this one."""

from __future__ import annotations

from airflow_provider_dreambooth.operators.fine_tune import DreamboothFineTuneOperator
from airflow_provider_dreambooth.operators.keep_newest_models import DreamboothKeepNewestModelsOperator
from airflow_provider_dreambooth.operators.models import (
    DreamboothCancelTrainingOperator,
    DreamboothDeleteModelOperator,
)
from airflow_provider_dreambooth.operators.reload_model import DreamboothReloadModelOperator
from airflow_provider_dreambooth.operators.text_to_image import DreamboothTextToImageOperator
from airflow_provider_dreambooth.operators.trainer import DreamboothTrainerOperator
from airflow_provider_dreambooth.operators.upload_images import DreamboothUploadImagesOperator

__all__ = [
    "DreamboothCancelTrainingOperator",
    "DreamboothDeleteModelOperator",
    "DreamboothFineTuneOperator",
    "DreamboothKeepNewestModelsOperator",
    "DreamboothReloadModelOperator",
    "DreamboothTextToImageOperator",
    "DreamboothTrainerOperator",
    "DreamboothUploadImagesOperator",
]
