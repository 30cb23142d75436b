# SPDX-License-Identifier: Apache-2.0
"""
### Train weekly, and tell other DAGs

Once a week: train a model from a folder of photographs, wait deferred, and say by an asset event that the model is
ready. The DAG `contact_sheet` starts by that event; this one does not know it. All that they share is the name of
an asset alias, `dreambooth-models`.

**Photographs** are a folder on the worker or an object storage address such as `s3://bucket/photographs`; what is no
public link is uploaded to the service by the task.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, AssetAlias

from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator

# The emulator serves sample images; name a folder or an object storage address of your own.
IMAGES = os.environ.get("DREAMBOOTH_EXAMPLE_IMAGES", "http://127.0.0.1:8765/samples")
PHOTOGRAPHS = os.environ.get("DREAMBOOTH_EXAMPLE_PHOTOGRAPHS")
# Leave it unset: then the service's own announcements set the pace. A demo that lasts seconds sets it.
POLL_INTERVAL = float(os.environ.get("DREAMBOOTH_EXAMPLE_POLL_INTERVAL", "0")) or None

with DAG(
    dag_id="train_weekly",
    doc_md=__doc__,
    schedule="@weekly",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_asset_outlet]
    DreamboothFineTuneOperator(
        task_id="train",
        instance_prompt="photo of sks robot",
        class_prompt="photo of a robot",
        images=[PHOTOGRAPHS] if PHOTOGRAPHS else [f"{IMAGES}/robot/{number}.png" for number in range(1, 9)],
        wait_for_completion=True,
        deferrable=True,
        poll_interval=POLL_INTERVAL,
        outlets=[AssetAlias("dreambooth-models")],
    )
    # [END howto_asset_outlet]
