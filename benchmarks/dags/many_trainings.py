"""
Many trainings at once, each waiting deferred: the DAGs of the benchmark's run on a real Airflow.

The second one does the same on the workers, but waits with a trigger of Airflow's own: it tells how often Airflow says that
its triggerer was blocked when the workers alone keep all cores busy.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, NoReturn

import pendulum
from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator

SAMPLES = os.environ["DREAMBOOTH_EXAMPLE_IMAGES"]
TRAININGS = int(os.environ["DREAMBOOTH_BENCH_TRAININGS"])


class WaitsByAirflow(DreamboothFineTuneOperator):
    """Submits a training and waits for two minutes with Airflow's own trigger."""

    def defer(self, **arguments: Any) -> NoReturn:
        super().defer(trigger=TimeDeltaTrigger(timedelta(seconds=120)), method_name="back")

    def back(self, context: Any, event: Any = None) -> None:
        """End the task; nobody waits for its training."""


for dag_id, operator in (
    ("many_trainings", DreamboothFineTuneOperator),
    ("many_other_waits", WaitsByAirflow),
):
    with DAG(
        dag_id=dag_id,
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        max_active_tasks=1000,
        default_args={"retries": 1, "retry_delay": timedelta(seconds=5)},
    ) as dag:
        operator.partial(
            task_id="train",
            class_prompt="photo of fox",
            images=[f"{SAMPLES}/fox/{number}.png" for number in range(1, 9)],
            wait_for_completion=True,
            deferrable=True,
            poll_interval=float(os.environ["DREAMBOOTH_BENCH_INTERVAL"]),
        ).expand(instance_prompt=[f"photo of zwx{number:03d} fox" for number in range(TRAININGS)])
    globals()[dag_id] = dag
