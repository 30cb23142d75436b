# SPDX-License-Identifier: Apache-2.0
"""One DAG for each crash point."""

from __future__ import annotations

import functools
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, get_parsing_context
from airflow.sdk import task as python_task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothFineTuneOperator,
    DreamboothTextToImageOperator,
    DreamboothTrainerOperator,
)
from tests.chaos import crash
from tests.chaos.point import RETRIES, Point
from tests.chaos.points import POINTS

IMAGES = [f"{os.environ['DREAMBOOTH_EXAMPLE_IMAGES']}/fox/{number}.png" for number in range(1, 4)]


@python_task(task_id="other")
def other(flag: str) -> None:
    """Fail when it is told to."""
    while not Path(flag).exists():
        time.sleep(0.5)
    raise AirflowFailException("the other task fails")


def rendering(point: Point) -> None:
    """Add a task that renders to the DAG."""
    DreamboothTextToImageOperator(
        task_id="train",
        model_id="midjourney",
        prompt="photo of sks fox",
        dreambooth_conn_id="{{ dag_run.conf['connection'] }}",
        deferrable=point.wait == "deferred",
        poll_interval=1,
        retries=RETRIES,
        retry_delay=timedelta(seconds=1),
        pre_execute=functools.partial(crash.arm, crashes=point.crashes, settle=point.settle),
        **point.arguments,
    )


def task(point: Point) -> None:
    """Add the point's task to the DAG."""
    arguments: dict[str, Any] = {
        "task_id": "train",
        "class_prompt": "photo of a fox",
        "images": IMAGES,
        "dreambooth_conn_id": "{{ dag_run.conf['connection'] }}",
        "wait_for_completion": point.wait != "no",
        "deferrable": point.wait == "deferred",
        "poll_interval": 1,
        "timeout": 900,
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=1),
        "pre_execute": functools.partial(crash.arm, crashes=point.crashes, settle=point.settle),
    } | dict(point.arguments)
    if point.trainer:
        del arguments["class_prompt"]
        DreamboothTrainerOperator(
            trainer_id="flux_lora_trainer", parameters={"trigger_word": "sks fox"}, **arguments
        )
    elif point.tasks == 1:
        prompt = arguments.pop("instance_prompt", "photo of sks fox")
        DreamboothFineTuneOperator(instance_prompt=prompt, **arguments)
    else:
        prompts = [f"photo of sks fox {number}" for number in range(point.tasks)]
        DreamboothFineTuneOperator.partial(**arguments).expand(instance_prompt=prompts)


# A task's process needs its own DAG only.
_wanted = get_parsing_context().dag_id
for _point in POINTS:
    if _wanted not in (None, _point.dag_id):
        continue
    with DAG(
        _point.dag_id,
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        fail_fast=_point.fail_fast,
    ) as _dag:
        (rendering if _point.renders else task)(_point)
        if _point.fail_fast:
            other(f"{os.environ['CHAOS_FLAGS']}/{_point.dag_id}.{{{{ run_id }}}}-fails")
    globals()[_point.dag_id] = _dag
