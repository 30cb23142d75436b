# SPDX-License-Identifier: Apache-2.0
"""
### Train, wait, render

Once a week: teach a model what a subject looks like, wait until the model is ready, render images with it.

| task | what it does |
|---|---|
| `train` | pays for one training and passes its id on |
| `wait` | polls the training while deferred: no worker slot is taken while it runs |
| `render` | renders images with the new model and saves them |

**To run it against the local emulator**: start `dreambooth-emulator` and use the connection that it prints.

**To run it against the hosted service**: put your API key into the connection `dreambooth_default`, trigger
this DAG and give links to your own images in the form. The service downloads them, so they must be public;
7 or 8 square ones work best. A training costs money and takes half an hour or so.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, Param

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

with DAG(
    dag_id="train_wait_render",
    doc_md=__doc__,
    schedule="@weekly",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    # A list among the params arrives at the task as a list, not as text that looks like one.
    render_template_as_native_obj=True,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={
        "images": Param(
            [f"{IMAGES}/fox/{number}.png" for number in range(1, 9)],
            type="array",
            items={"type": "string"},
            minItems=3,
            title="Training images",
            description="Public links, one a line; 7 or 8 square images of one subject work best.",
        ),
        "prompt": Param(
            "photo of sks fox reading a newspaper in a cafe",
            type="string",
            title="Prompt",
            description="What to render. Name the subject as in the training: 'photo of sks fox'.",
        ),
        "output_path": Param(
            OUTPUT,
            type="string",
            title="Where to save",
            description="A folder on the worker, or an object storage address such as s3://bucket/images.",
        ),
    },
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_train_wait_render]
    train = DreamboothFineTuneOperator(
        task_id="train",
        instance_prompt="photo of sks fox",
        class_prompt="photo of a fox",
        images="{{ params.images }}",
    )
    wait = DreamboothFineTuneSensor(
        task_id="wait",
        training_id=train.output,
        deferrable=True,
        poll_interval=POLL_INTERVAL,
        timeout=timedelta(hours=3).total_seconds(),
    )
    render = DreamboothTextToImageOperator(
        task_id="render",
        model_id=wait.output,
        prompt="{{ params.prompt }}",
        samples=2,
        output_path="{{ params.output_path }}/{{ run_id }}",
    )
    # [END howto_train_wait_render]
