# SPDX-License-Identifier: Apache-2.0
"""What the cluster is asked to do: trainings on a worker and deferred, in a queue, in a pool, and many at once."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG

from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator
from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor

SAMPLES = os.environ["DREAMBOOTH_EXAMPLE_IMAGES"]
TRAININGS = int(os.environ["CLUSTER_TRAININGS"])
#: Seconds that each of the many trainings takes.
DURATION = float(os.environ["CLUSTER_DURATION"])
IMAGES = [f"{SAMPLES}/fox/{number}.png" for number in range(1, 9)]
#: It goes no further until it is told to.
FROZEN = {"emulator": {"freeze_at": "training_started"}}


def dag(dag_id: str, **arguments: Any) -> DAG:
    return DAG(
        dag_id,
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        max_active_tasks=1000,
        default_args={"retries": 2, "retry_delay": timedelta(seconds=5)},
        **arguments,
    )


def train(task_id: str, **arguments: Any) -> Any:
    return DreamboothFineTuneOperator.partial(
        task_id=task_id,
        class_prompt="photo of a fox",
        images=IMAGES,
        **({"poll_interval": 5} | arguments),
    )


def prompts(name: str, number: int) -> list[str]:
    return [f"photo of {name}{one:03d} fox" for one in range(number)]


with dag("lost_machine"):
    waiting = {"wait_for_completion": True, "parameters": FROZEN}
    train("on_worker", deferrable=False, **waiting).expand(instance_prompt=prompts("onworker", 6))
    train("deferred", deferrable=True, **waiting).expand(instance_prompt=prompts("deferred", 6))
    started = train("started", parameters=FROZEN).expand(instance_prompt=prompts("started", 2))
    DreamboothFineTuneSensor.partial(task_id="wait", deferrable=True, poll_interval=5).expand(
        training_id=started.output
    )

with dag("lost_request"):
    train("train", wait_for_completion=True, deferrable=True).expand(instance_prompt=prompts("request", 1))

with dag("own_queue"):
    train("train", queue="dreambooth", wait_for_completion=True, deferrable=True, parameters=FROZEN).expand(
        instance_prompt=prompts("queue", 4)
    )

with dag("own_pool"):
    train("train", pool="dreambooth_trainings", wait_for_completion=True, deferrable=True).expand(
        instance_prompt=prompts("pool", 5)
    )

with dag("many"):
    train(
        "train",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=20,
        parameters={"emulator": {"duration": DURATION}},
    ).expand(instance_prompt=prompts("many", TRAININGS))
