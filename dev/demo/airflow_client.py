# SPDX-License-Identifier: Apache-2.0
"""Airflow's REST API, as far as the demo and the tests need it."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import requests

FINISHED = frozenset({"success", "failed"})


class AirflowClient:
    """
    A logged-in client.

    :param url: address of the api-server.
    :param user: name to log in with.
    :param password: its password.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self.user = user
        self.password = password
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy on the way to this machine

    def login(self) -> None:
        """Get a token; needed once, after the api-server is up."""
        answer = self.session.post(
            f"{self.url}/auth/token", json={"username": self.user, "password": self.password}, timeout=30
        )
        answer.raise_for_status()
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call ``/api/v2/<path>`` and give the JSON answer; an HTTP error is raised with its body."""
        answer = self.session.request(method, f"{self.url}/api/v2/{path}", timeout=60, **arguments)
        if not answer.ok:
            raise requests.HTTPError(
                f"{method} {path}: HTTP {answer.status_code}: {answer.text[:500]}", response=answer
            )
        return answer.json() if answer.content else None

    def health(self) -> dict[str, str | None]:
        """State of each component, by name."""
        return {
            name: state.get("status")
            for name, state in self.call("GET", "monitor/health").items()
            if isinstance(state, dict)
        }

    def create_connection(self, connection: dict[str, Any]) -> None:
        """Store a connection in the metadata database."""
        self.call("POST", "connections", json=connection)

    def wait_for_dag(self, dag_id: str, timeout: float = 60.0) -> None:
        """Return as soon as the dag processor has found a DAG."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.call("GET", f"dags/{dag_id}")
                return
            except requests.HTTPError:
                if time.monotonic() > deadline:
                    errors = "\n".join(error["stack_trace"] for error in self.import_errors())
                    raise TimeoutError(f"DAG {dag_id!r} was not found. Import errors:\n{errors}") from None
            time.sleep(0.3)

    def import_errors(self) -> list[dict[str, Any]]:
        """DAG files that do not load."""
        return list(self.call("GET", "importErrors")["import_errors"])

    def trigger(self, dag_id: str, run_id: str | None = None, conf: dict[str, Any] | None = None) -> str:
        """Start a run of a DAG and give its id."""
        body = {"logical_date": None, "conf": conf or {}} | ({"dag_run_id": run_id} if run_id else {})
        return str(self.call("POST", f"dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """State of a run."""
        return str(self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Task instances of a run, as the API gives them."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[dict[str, Any]] = []
        while True:
            # Airflow gives no more than its ``[api] maximum_page_limit`` at once, whatever is asked for.
            page = self.call("GET", path, params={"limit": 100, "offset": len(found)})
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def task_instance(
        self, dag_id: str, run_id: str, task_id: str, map_index: int = -1
    ) -> dict[str, Any] | None:
        """One task instance; ``None`` while there is none."""
        for found in self.task_instances(dag_id, run_id):
            if found["task_id"] == task_id and found["map_index"] == map_index:
                return found
        return None

    def wait_for_run(
        self, dag_id: str, run_id: str, states: Collection[str] = FINISHED, timeout: float = 180.0
    ) -> str:
        """Return the state of a run as soon as it is one of ``states``."""
        deadline = time.monotonic() + timeout
        while (state := self.run_state(dag_id, run_id)) not in states:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{dag_id} {run_id} is {state} after {timeout:.0f} s:\n{self.describe(dag_id, run_id)}"
                )
            time.sleep(0.4)
        return state

    def wait_for_task(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        states: Collection[str],
        *,
        map_index: int = -1,
        timeout: float = 120.0,
    ) -> dict[str, Any]:
        """Return a task instance as soon as its state is one of ``states``."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.task_instance(dag_id, run_id, task_id, map_index)
            if found is not None and found["state"] in states:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{task_id} [{map_index}] of {dag_id} {run_id} did not become {sorted(states)} "
                    f"in {timeout:.0f} s:\n{self.describe(dag_id, run_id)}"
                )
            time.sleep(0.3)

    def describe(self, dag_id: str, run_id: str) -> str:
        """Task states and the logs of what failed, for a message."""
        lines = []
        for task in self.task_instances(dag_id, run_id):
            lines.append(
                f"  {task['task_id']} [{task['map_index']}] try {task['try_number']}: {task['state']}"
            )
            if task["state"] in ("failed", "up_for_retry"):
                tries = range(1, task["try_number"] + 1)
                place = (task["task_id"], task["map_index"])
                lines += [self.task_log(dag_id, run_id, place[0], number, place[1]) for number in tries]
        return "\n".join(lines)

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1
    ) -> str:
        """Log of one try of a task, as text."""
        records = self.log_records(dag_id, run_id, task_id, try_number, map_index)
        return "\n".join(_log_line(record) for record in records)

    def log_records(
        self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1
    ) -> list[Any]:
        """Log of one try of a task, as Airflow's records."""
        answer = self.call(
            "GET",
            f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}",
            params={"map_index": map_index, "full_content": "true"},
            headers={"Accept": "application/json"},
        )
        return list(answer["content"])

    def failure(
        self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1
    ) -> str:
        """What ended one try of a task, in one line; empty when its log does not tell."""
        for record in reversed(self.log_records(dag_id, run_id, task_id, try_number, map_index)):
            if isinstance(record, dict):
                for error in record.get("error_detail") or []:
                    return f"{error.get('exc_type')}: {error.get('exc_value')}"
        return ""

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1
    ) -> Any:
        """Value of an XCom, ``None`` when there is none."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        try:
            found = self.call("GET", path, params={"map_index": map_index, "deserialize": "true"})
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code == 404:
                return None
            raise
        return found["value"]


def _log_line(entry: Any) -> str:
    """One log record as text: what it says, then its details."""
    if not isinstance(entry, dict):
        return str(entry)
    errors = [
        f"{error.get('exc_type')}: {error.get('exc_value')}" for error in entry.get("error_detail") or []
    ]
    return " ".join([str(entry.get("timestamp") or ""), str(entry.get("event", "")), *errors]).strip()
