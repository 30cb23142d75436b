# SPDX-License-Identifier: Apache-2.0
"""
### Several subjects

One training for each subject, all at the same time, by dynamic task mapping: the list of subjects is made
while the DAG runs, so that it may as well come from a database or a folder. Each subject is rendered as
soon as all the models are ready.

Every subject is a training of its own and is paid on its own.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothFineTuneOperator,
    DreamboothTextToImageOperator,
)
from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor

# The emulator serves sample images; the hosted service needs public links of your own.
IMAGES = os.environ.get("DREAMBOOTH_EXAMPLE_IMAGES", "http://127.0.0.1:8765/samples")
OUTPUT = os.environ.get("DREAMBOOTH_EXAMPLE_OUTPUT", "/tmp/dreambooth-images")
# Leave it unset: then the service's own announcements set the pace. A demo that lasts seconds sets it.
POLL_INTERVAL = float(os.environ.get("DREAMBOOTH_EXAMPLE_POLL_INTERVAL", "0")) or None


@task
def subjects() -> list[dict[str, Any]]:
    """Arguments of one training each."""
    return [
        {
            "instance_prompt": f"photo of sks {name}",
            "class_prompt": f"photo of a {name}",
            "images": [f"{IMAGES}/{name}/{number}.png" for number in range(1, 9)],
        }
        for name in ("fox", "robot", "teapot")
    ]


def rendering(pair: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Arguments of one rendering, from a model id and the training it came from."""
    model_id, subject = pair
    return {"model_id": model_id, "prompt": f"{subject['instance_prompt']} on the moon"}


with DAG(
    dag_id="several_subjects",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_mapping]
    trainings = subjects()
    train = DreamboothFineTuneOperator.partial(task_id="train").expand_kwargs(trainings)
    wait = DreamboothFineTuneSensor.partial(
        task_id="wait",
        deferrable=True,
        poll_interval=POLL_INTERVAL,
        timeout=timedelta(hours=3).total_seconds(),
    ).expand(training_id=train.output)
    render = DreamboothTextToImageOperator.partial(
        task_id="render", output_path=f"{OUTPUT}/{{{{ run_id }}}}"
    ).expand_kwargs(wait.output.zip(trainings).map(rendering))
    # [END howto_mapping]
