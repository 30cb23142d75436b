# SPDX-License-Identifier: Apache-2.0
"""
### Train a LoRA and render it

A LoRA is the cheaper training of today's documentation: a small addition to a base model instead of a whole model.
It is rendered together with a base model of its family.

| task | what it does |
|---|---|
| `train` | trains a LoRA and waits for it while deferred: no worker slot is taken while it runs |
| `render` | renders images with the base model and the LoRA, by default on v6, and saves them |
"""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothFineTuneOperator,
    DreamboothTextToImageOperator,
)

# The emulator serves sample images; the hosted service needs public links of your own.
IMAGES = os.environ.get("DREAMBOOTH_EXAMPLE_IMAGES", "http://127.0.0.1:8765/samples")
OUTPUT = os.environ.get("DREAMBOOTH_EXAMPLE_OUTPUT", "/tmp/dreambooth-images")
# Leave it unset: then the service's own announcements set the pace. A demo that lasts seconds sets it.
POLL_INTERVAL = float(os.environ.get("DREAMBOOTH_EXAMPLE_POLL_INTERVAL", "0")) or None

with DAG(
    dag_id="train_and_render_lora",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_lora]
    train = DreamboothFineTuneOperator(
        task_id="train",
        method="lora",
        instance_prompt="photo of sks fox",
        class_prompt="photo of a fox",
        images=[f"{IMAGES}/fox/{number}.png" for number in range(1, 9)],
        training_type="null",
        # Of a LoRA these are rounds over all images: about twice their number, 10 to 50.
        max_train_steps=18,
        # The family of base models that the LoRA fits: sdxl, or normal for Stable Diffusion 1.5.
        parameters={"base_model_type": "sdxl"},
        wait_for_completion=True,
        deferrable=True,
        poll_interval=POLL_INTERVAL,
        timeout=timedelta(hours=3).total_seconds(),
        retries=2,
        retry_delay=timedelta(seconds=10),
    )
    render = DreamboothTextToImageOperator(
        task_id="render",
        model_id="sdxl",
        lora_model=train.output,
        lora_strength=0.7,
        prompt="photo of sks fox reading a newspaper in a cafe",
        # v6 renders at most 20 steps.
        num_inference_steps=20,
        samples=2,
        output_path=f"{OUTPUT}/{{{{ run_id }}}}",
    )
    # [END howto_lora]
