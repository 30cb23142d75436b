# SPDX-License-Identifier: Apache-2.0
"""Every difference between the Airflow versions that this provider runs on (2.11 to 3.3).

The rest of the provider asks here and never looks at a version number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from airflow import __version__ as _airflow_version
from packaging.version import Version

from airflow_provider_dreambooth.runtime.supervisor import name_in_states, state_word, to_the_end

# By hand, since common-compat learns of a new version only in a release after it.
_RELEASE = Version(_airflow_version).release
AIRFLOW_V_3_0_PLUS = _RELEASE >= (3, 0)
AIRFLOW_V_3_1_PLUS = _RELEASE >= (3, 1)
AIRFLOW_V_3_3_PLUS = _RELEASE >= (3, 3)

#: Variables can be listed by prefix, so that submissions to one account can know of each other.
CAN_LIST_VARIABLES = AIRFLOW_V_3_3_PLUS
#: ``on_kill`` of a trigger is called when a user marks a deferred task failed.
TRIGGERS_LEARN_OF_KILLS = AIRFLOW_V_3_3_PLUS


def max_tries(context: Mapping[str, Any]) -> int:
    """Return ``max_tries`` of the running task instance: constant over retries, changed by a user's clear."""
    value = getattr(context["ti"], "max_tries", 0)
    return int(value or 0)


def task_state(task_instance: Any) -> str | None:
    """
    Ask Airflow, from a worker, for the state of a task instance. Blocking.

    :return: such as ``running`` or ``failed``; ``None`` when the question had no answer.
    """
    if AIRFLOW_V_3_0_PLUS:
        index = task_instance.map_index
        states = task_instance.get_task_states(
            dag_id=task_instance.dag_id,
            task_ids=[task_instance.task_id],
            run_ids=[task_instance.run_id],
            map_index=index if index is not None and index >= 0 else None,
        )
        return state_word(states.get(task_instance.run_id, {}).get(name_in_states(task_instance)))
    task_instance.refresh_from_db()
    return state_word(task_instance.state)


def failed_by_fail_fast(task_instance: Any, dag: Any) -> bool:
    """
    Ask Airflow, from a worker, whether ``fail_fast`` may have failed a task: another task of its run has failed. Blocking.

    :param dag: its DAG; ``fail_fast`` is called ``fail_stop`` below Airflow 3.
    :raises Exception: the question had no answer.
    """
    if not (getattr(dag, "fail_fast", False) or getattr(dag, "fail_stop", False)):
        return False
    if AIRFLOW_V_3_0_PLUS:
        states = task_instance.get_task_states(dag_id=task_instance.dag_id, run_ids=[task_instance.run_id])
        found = dict(states[task_instance.run_id])
        found.pop(name_in_states(task_instance), None)
        return any(state_word(state) == "failed" for state in found.values())
    run = task_instance.get_dagrun()
    own = (task_instance.task_id, task_instance.map_index)
    return any((other.task_id, other.map_index) != own for other in run.get_task_instances(state="failed"))


async def get_connection(conn_id: str) -> Any:
    """Read a connection inside an event loop, without holding it up."""
    from airflow.providers.common.compat.sdk import BaseHook

    if AIRFLOW_V_3_1_PLUS:
        return await to_the_end(BaseHook.aget_connection(conn_id))
    from asgiref.sync import sync_to_async

    return await sync_to_async(BaseHook.get_connection)(conn_id)


def mask_secret(secret: str) -> None:
    """
    Let Airflow replace a text by ``***`` in this process's logs and rendered templates.

    :param secret: the text. Airflow itself leaves out those of fewer than five characters.
    """
    if AIRFLOW_V_3_1_PLUS:
        module = "airflow.sdk.log"
    elif AIRFLOW_V_3_0_PLUS:
        module = "airflow.sdk.execution_time.secrets_masker"
    else:
        module = "airflow.utils.log.secrets_masker"
    import_module(module).mask_secret(secret)


def asset(uri: str, *, extra: Any = None) -> Any:
    """
    Return an asset; below 3.0 a dataset.

    :param uri: its URI, which is its name as well: an asset made at run time needs a name that nobody else takes.
    :param extra: its own extra.
    """
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk import Asset

        return Asset(name=uri, uri=uri, extra=extra)
    from airflow.providers.common.compat.sdk import Asset as Dataset

    return Dataset(uri=uri, extra=extra)


def add_asset_events(
    context: Mapping[str, Any], outlets: Iterable[Any], uri: str, extra: Mapping[str, Any]
) -> None:
    """
    Fill the outlets of the running task; Airflow sends the events when the task has succeeded.

    :param context: the task's context.
    :param outlets: the task's outlets; an alias gets a new event of the asset ``uri``, an asset more ``extra``.
    :param uri: the asset that an alias stands for.
    :param extra: what the event tells.
    """
    from airflow.providers.common.compat.sdk import Asset, AssetAlias

    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            context["outlet_events"][outlet].add(asset(uri), extra=dict(extra))
        elif isinstance(outlet, Asset) or type(outlet).__name__ in ("AssetNameRef", "AssetUriRef"):
            accessor = context["outlet_events"][outlet]
            accessor.extra = {**accessor.extra, **extra}


def dags_with_runs(task_instance: Any, dag_ids: Iterable[str]) -> list[str]:
    """
    Ask Airflow, from a worker, which DAGs have a queued or running run.

    :param dag_ids: the DAGs to ask for.
    """
    if AIRFLOW_V_3_0_PLUS:
        states = ["queued", "running"]
        return [dag_id for dag_id in dag_ids if task_instance.get_dr_count(dag_id=dag_id, states=states) > 0]
    from airflow.models.dagrun import DagRun
    from airflow.utils.state import DagRunState

    under_way = (DagRunState.QUEUED, DagRunState.RUNNING)
    return [
        dag_id for dag_id in dag_ids if any(DagRun.find(dag_id=dag_id, state=state) for state in under_way)
    ]


def unknown_dags(task_instance: Any, dag_ids: Iterable[str]) -> list[str]:
    """
    Ask Airflow, from a worker, which ids belong to no DAG.

    Airflow 3 before ``get_dag`` cannot tell: there a DAG that never had a run counts as unknown.

    :param dag_ids: the DAGs to ask for.
    """
    if not AIRFLOW_V_3_0_PLUS:
        from airflow.models.dag import DagModel

        return [dag_id for dag_id in dag_ids if DagModel.get_dagmodel(dag_id) is None]
    if not hasattr(task_instance, "get_dag"):
        return [dag_id for dag_id in dag_ids if task_instance.get_dr_count(dag_id=dag_id) == 0]
    from airflow.sdk.exceptions import AirflowRuntimeError

    unknown = []
    for dag_id in dag_ids:
        try:
            task_instance.get_dag(dag_id)
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") != 404:
                raise
            unknown.append(dag_id)
    return unknown
