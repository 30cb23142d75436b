# SPDX-License-Identifier: Apache-2.0
"""A DAG that brings about deprecation warnings wherever it can: proof that they can be found in the logs."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, BaseOperator

warnings.warn("old-fashioned when the DAG is read", DeprecationWarning, stacklevel=1)


class OldFashionedOperator(BaseOperator):
    """Warns, defers, and warns again."""

    def execute(self, context: Any) -> None:
        warnings.warn("old-fashioned on a worker", FutureWarning, stacklevel=1)
        # From Airflow's folder of plugins.
        trigger = importlib.import_module("old_fashioned_trigger").OldFashionedTrigger()
        self.defer(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Any, event: Any = None) -> None:
        warnings.warn("old-fashioned after the wait", DeprecationWarning, stacklevel=1)


with DAG(
    dag_id="old_fashioned", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False
) as dag:
    OldFashionedOperator(task_id="warn")
