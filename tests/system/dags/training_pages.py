# SPDX-License-Identifier: Apache-2.0
"""DAGs to look at in Airflow's UI: one that trains two subjects, one whose tasks never run."""

from __future__ import annotations

import os

import pendulum
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothFineTuneOperator,
    DreamboothTextToImageOperator,
)

IMAGES = os.environ["DREAMBOOTH_EXAMPLE_IMAGES"]
BEGIN = pendulum.datetime(2026, 1, 1, tz="UTC")


def training(subject: str) -> dict[str, object]:
    """Arguments of one training."""
    return {
        "instance_prompt": f"photo of sks {subject}",
        "class_prompt": f"photo of a {subject}",
        "images": [f"{IMAGES}/{subject}/{number}.png" for number in range(1, 9)],
    }


with DAG(dag_id="training_pages", schedule=None, start_date=BEGIN, catchup=False):
    DreamboothFineTuneOperator.partial(
        task_id="train", wait_for_completion=True, deferrable=True, poll_interval=1
    ).expand_kwargs([training("fox"), training("robot")])

with DAG(
    dag_id="seeded_trainings",
    schedule=None,
    start_date=BEGIN,
    catchup=False,
    is_paused_upon_creation=True,
):
    DreamboothFineTuneOperator(task_id="train", **training("teapot"))  # type: ignore[arg-type]
    DreamboothTextToImageOperator(task_id="render", model_id="seeded", prompt="photo of sks teapot")
