"""Many trainings at once, each waiting deferred: the DAG of the benchmark's run on a real Airflow."""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator

SAMPLES = os.environ["DREAMBOOTH_EXAMPLE_IMAGES"]
TRAININGS = int(os.environ["DREAMBOOTH_BENCH_TRAININGS"])

with DAG(
    dag_id="many_trainings",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_tasks=1000,
    default_args={"retries": 1, "retry_delay": timedelta(seconds=5)},
) as dag:
    DreamboothFineTuneOperator.partial(
        task_id="train",
        class_prompt="photo of fox",
        images=[f"{SAMPLES}/fox/{number}.png" for number in range(1, 9)],
        wait_for_completion=True,
        deferrable=True,
        poll_interval=float(os.environ["DREAMBOOTH_BENCH_INTERVAL"]),
    ).expand(instance_prompt=[f"photo of zwx{number:03d} fox" for number in range(TRAININGS)])
