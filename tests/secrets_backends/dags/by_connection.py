# SPDX-License-Identifier: Apache-2.0
"""One training, and one look at the settings, for each connection that a run is given."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, Param, task
from connection_reading import ReadConnectionOperator

from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator

IMAGES = os.environ["DREAMBOOTH_EXAMPLE_IMAGES"]


@task
def given(params: dict[str, Any] | None = None) -> list[str]:
    """The connections of this run."""
    return list((params or {})["connections"])


with DAG(
    dag_id="read_connections",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    params={"connections": Param([], type="array")},
):
    ReadConnectionOperator.partial(task_id="read").expand(dreambooth_conn_id=given())

with DAG(
    dag_id="train_by_connections",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    params={"connections": Param([], type="array")},
    default_args={"retries": 30, "retry_delay": timedelta(seconds=3)},
):
    DreamboothFineTuneOperator.partial(
        task_id="train",
        instance_prompt="photo of sks fox",
        class_prompt="photo of a fox",
        images=[f"{IMAGES}/fox/{number}.png" for number in range(1, 9)],
        wait_for_completion=True,
        deferrable=True,
        poll_interval=2,
    ).expand(dreambooth_conn_id=given())
