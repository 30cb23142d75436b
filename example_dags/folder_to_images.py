# SPDX-License-Identifier: Apache-2.0
"""
### From a folder of photographs to rendered images

Nobody writes a public link by hand: the photographs lie in a folder on the worker or in a bucket, and so will the
rendered images.

| task | what it does |
|---|---|
| `train` | checks the photographs, uploads each once, pays for one training and waits for the model, deferred |
| `render` | renders images with the model and saves each with a JSON file that says how it was made |

**Photographs** may be a folder, a pattern such as `photographs/*.jpg`, single files, and object storage addresses such
as `s3://conn_id@bucket/photographs`, mixed. PNG and JPEG are taken; 7 or 8 of one subject work best.
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

PHOTOGRAPHS = os.environ.get("DREAMBOOTH_EXAMPLE_PHOTOGRAPHS", "/tmp/dreambooth-photographs")
OUTPUT = os.environ.get("DREAMBOOTH_EXAMPLE_OUTPUT", "/tmp/dreambooth-images")
# Leave it unset: then the service's own announcements set the pace. A demo that lasts seconds sets it.
POLL_INTERVAL = float(os.environ.get("DREAMBOOTH_EXAMPLE_POLL_INTERVAL", "0")) or None

with DAG(
    dag_id="folder_to_images",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    # A list among the params arrives at the task as a list, not as text that looks like one.
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={
        "photographs": Param(
            [PHOTOGRAPHS],
            type="array",
            items={"type": "string"},
            minItems=1,
            title="Photographs",
            description="Folders, patterns, files, object storage addresses or public links, one a line.",
        ),
        "output_path": Param(
            OUTPUT,
            type="string",
            title="Where to save",
            description="A folder on the worker, or an object storage address such as s3://conn_id@bucket/images.",
        ),
    },
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_folder_to_images]
    train = DreamboothFineTuneOperator(
        task_id="train",
        instance_prompt="photo of sks fox",
        class_prompt="photo of a fox",
        images="{{ params.photographs }}",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=POLL_INTERVAL,
    )
    render = DreamboothTextToImageOperator(
        task_id="render",
        model_id=train.output,
        prompt="photo of sks fox reading a newspaper in a cafe",
        samples=2,
        output_path="{{ params.output_path }}/{{ run_id }}",
    )
    # [END howto_folder_to_images]
