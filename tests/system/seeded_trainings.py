# SPDX-License-Identifier: Apache-2.0
"""Trainings that never ran: rows in the metadata database, in the form in which operators and sensor write them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy

from tests.system.stack import SystemStack

STAGES = ("deploying_gpu", "training_started", "training_success", "uploading_model")


def summary(number: int = 1, *, began: datetime | None = None, **facts: Any) -> dict[str, Any]:
    """
    Return the XCom ``training`` of a training that became ready.

    :param number: tells one from the other.
    :param began: when it was requested; now by default.
    :param facts: what is different with this one.
    """
    began = began or datetime.now(UTC)
    return {
        "version": 1,
        "training_id": f"seeded-{number:05}",
        "state": "ready",
        "money": "accepted",
        "replaced": None,
        "connection": "dreambooth_default",
        "service": "https://stablediffusionapi.com",
        "environment": "production",
        "method": "dreambooth",
        "instance_prompt": f"photo of sks subject {number}",
        "class_prompt": "photo of a subject",
        "training_type": "object",
        "base_model_id": "stable-diffusion-v1-5",
        "max_train_steps": 1200,
        "parameters": {},
        "images": [],
        "requested_at": began.isoformat(),
        "stages": [
            {"stage": stage, "seen": (began + timedelta(minutes=7 * position)).isoformat()}
            for position, stage in enumerate(STAGES)
        ],
        "eta_at": (began + timedelta(minutes=25)).isoformat(),
        "ended_at": (began + timedelta(minutes=28)).isoformat(),
        "reason": None,
        "next_step": None,
    } | facts


def seed(
    stack: SystemStack,
    pattern: tuple[str, str],
    task_id: str,
    summaries: Iterable[Mapping[str, Any]],
    *,
    task_state: str = "success",
) -> None:
    """
    Write a run with one finished task for each summary.

    :param stack: whose metadata database is written to.
    :param pattern: DAG and run whose rows are copied, whatever columns this Airflow has.
    :param task_id: the task of that run to copy.
    :param summaries: the values of the XCom ``training``.
    :param task_state: state of the copied tasks.
    """
    engine = sqlalchemy.create_engine(stack.database_url)
    tables = sqlalchemy.MetaData()
    tables.reflect(engine, only=("dag_run", "task_instance", "xcom"))
    run, task, xcom = (tables.tables[name] for name in ("dag_run", "task_instance", "xcom"))
    dag_id, run_id = pattern
    with engine.begin() as connection:
        run_row = _row(connection, run, run.c.dag_id == dag_id, run.c.run_id == run_id)
        task_row = _row(
            connection, task, task.c.dag_id == dag_id, task.c.run_id == run_id, task.c.task_id == task_id
        )
        last = connection.execute(sqlalchemy.select(sqlalchemy.func.max(run.c.id))).scalar_one()
        runs, tasks, xcoms = [], [], []
        for position, value in enumerate(summaries, start=1):
            new_run_id = f"seeded-{value['training_id']}"
            began = datetime.fromisoformat(str(value["requested_at"]))
            ended = value["ended_at"] and datetime.fromisoformat(str(value["ended_at"]))
            new = {
                "id": last + position,
                "run_id": new_run_id,
                "logical_date": None,
                "run_after": began,
                "state": task_state,
            }
            runs.append(run_row | new | {"start_date": began, "end_date": ended})
            tasks.append(
                task_row
                | {"id": _like(task_row["id"], uuid.uuid4()), "run_id": new_run_id, "state": task_state}
                | {"start_date": began, "end_date": ended}
            )
            written = {
                "dag_run_id": last + position,
                "dag_id": dag_id,
                "run_id": new_run_id,
                "task_id": task_id,
                "map_index": -1,
                "timestamp": began,
            }
            xcoms.append(written | {"key": "training", "value": value})
            xcoms.append(written | {"key": "training_id", "value": value["training_id"]})
        for table, rows in ((run, runs), (task, tasks), (xcom, xcoms)):
            for first in range(0, len(rows), 500):
                connection.execute(table.insert(), rows[first : first + 500])
    engine.dispose()


def _row(connection: sqlalchemy.Connection, table: sqlalchemy.Table, *where: Any) -> dict[str, Any]:
    return dict(connection.execute(sqlalchemy.select(table).where(*where)).mappings().one())


def _like(old: Any, new: uuid.UUID) -> Any:
    """Return an id in the form that this database stores."""
    if isinstance(old, uuid.UUID):
        return new
    return new.hex if len(str(old)) == len(new.hex) else str(new)


def write_summary(
    stack: SystemStack,
    place: tuple[str, str, str],
    value: Mapping[str, Any],
    *,
    key: str = "training",
    map_index: int = -1,
) -> None:
    """
    Write an XCom through the REST API, as a new one or over an old one.

    :param stack: whose Airflow.
    :param place: DAG, run and task.
    :param value: its value.
    :param key: its key.
    :param map_index: of the task instance.
    """
    dag_id, run_id, task_id = place
    path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
    known = stack.client.xcom(dag_id, run_id, task_id, key, map_index) is not None
    if known:
        body = {"value": value, "map_index": map_index}
        stack.client.call("PATCH", f"{path}/{key}", json=body)
    else:
        stack.client.call("POST", path, json={"key": key, "value": value, "map_index": map_index})
