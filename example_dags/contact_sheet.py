# SPDX-License-Identifier: Apache-2.0
"""
### A contact sheet of every new model

Starts by itself when a model is ready: any task with the asset alias `dreambooth-models` in its outlets, such as the
one in `train_weekly`, starts it.

| task | what it does |
|---|---|
| `renderings` | reads from the asset events which models are new and what they were trained on |
| `render` | one image for each model and scene, by dynamic task mapping |
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, AssetAlias, task

from airflow_provider_dreambooth.assets import ready_models
from airflow_provider_dreambooth.operators.dreambooth import DreamboothTextToImageOperator

OUTPUT = os.environ.get("DREAMBOOTH_EXAMPLE_OUTPUT", "/tmp/dreambooth-images")
SCENES = ("in a spacesuit", "reading a newspaper in a cafe", "as an oil painting", "on a snowy mountain")


@task
def renderings(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
    """Arguments of one rendering for each new model and scene."""
    return [
        {"model_id": model.model_id, "prompt": f"{model.instance_prompt} {scene}"}
        for model in ready_models(triggering_asset_events)
        for scene in SCENES
    ]


with DAG(
    dag_id="contact_sheet",
    doc_md=__doc__,
    schedule=[AssetAlias("dreambooth-models")],
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_asset_schedule]
    DreamboothTextToImageOperator.partial(
        task_id="render", output_path=f"{OUTPUT}/contact-sheet/{{{{ run_id }}}}", seed=7
    ).expand_kwargs(renderings())
    # [END howto_asset_schedule]
