# SPDX-License-Identifier: Apache-2.0
"""
### Train and wait in one task

The shortest way to a model: one task that starts a training, gives its worker slot back while the service
works, and returns the model id. Should the task fail on the way, its retry finds the running training again
and does not pay for another.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator

# The emulator serves sample images; the hosted service needs public links of your own.
IMAGES = os.environ.get("DREAMBOOTH_EXAMPLE_IMAGES", "http://127.0.0.1:8765/samples")
# Leave it unset: then the service's own announcements set the pace. A demo that lasts seconds sets it.
POLL_INTERVAL = float(os.environ.get("DREAMBOOTH_EXAMPLE_POLL_INTERVAL", "0")) or None

with DAG(
    dag_id="one_task_wait",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_one_task_wait]
    DreamboothFineTuneOperator(
        task_id="train_and_wait",
        instance_prompt="photo of sks teapot",
        class_prompt="photo of a teapot",
        images=[f"{IMAGES}/teapot/{number}.png" for number in range(1, 9)],
        wait_for_completion=True,
        deferrable=True,
        poll_interval=POLL_INTERVAL,
        timeout=timedelta(hours=3).total_seconds(),
        retries=2,
        retry_delay=timedelta(seconds=10),
    )
    # [END howto_one_task_wait]
