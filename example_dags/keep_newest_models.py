# SPDX-License-Identifier: Apache-2.0
"""
### Keep the newest models

Every night: keep the three newest models of each subject and delete the rest at the service. Which model shows which
subject is known from the asset events of the trainings: those with the alias `dreambooth-models` in their outlets.

A model that became ready during the last day stays, and nothing is deleted while `contact_sheet` runs: name every DAG that
renders. Trigger it with *Only report* to see in the log, and in the XCom `verdicts`, what it would delete and why.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, AssetAlias, Param

from airflow_provider_dreambooth.operators.dreambooth import DreamboothKeepNewestModelsOperator

with DAG(
    dag_id="keep_newest_models",
    doc_md=__doc__,
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    params={"report_only": Param(False, type="boolean", title="Only report")},
    tags=["dreambooth", "example"],
) as dag:
    # [START howto_keep_newest_models]
    DreamboothKeepNewestModelsOperator(
        task_id="keep_newest_models",
        keep=3,
        inlets=[AssetAlias("dreambooth-models")],
        rendering_dags=["contact_sheet"],
        unused_for=timedelta(days=1),
        report_only="{{ params.report_only }}",
    )
    # [END howto_keep_newest_models]
