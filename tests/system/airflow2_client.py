# SPDX-License-Identifier: Apache-2.0
"""The REST API of Airflow 2, where it differs from Airflow 3's."""

from __future__ import annotations

from typing import Any

import requests

from dev.demo.airflow_client import AirflowClient


class Airflow2Client(AirflowClient):
    """A client with a password instead of a token."""

    def login(self) -> None:
        """Send the password with every request from now on."""
        self.session.auth = (self.user, self.password)

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call ``/api/v1/<path>``; JSON answers are decoded, all others come as text."""
        answer = self.session.request(method, f"{self.url}/api/v1/{path}", timeout=60, **arguments)
        if not answer.ok:
            raise requests.HTTPError(
                f"{method} {path}: HTTP {answer.status_code}: {answer.text[:500]}", response=answer
            )
        if "json" in answer.headers.get("Content-Type", ""):
            return answer.json() if answer.content else None
        return answer.text

    def health(self) -> dict[str, str | None]:
        """State of each component, by name; the scheduler reads DAG files itself."""
        answer = self.call("GET", "health")
        states = {name: state.get("status") for name, state in answer.items() if isinstance(state, dict)}
        return states | {"dag_processor": states.get("scheduler")}

    def trigger(self, dag_id: str, run_id: str | None = None, conf: dict[str, Any] | None = None) -> str:
        """Start a run of a DAG and give its id."""
        body: dict[str, Any] = {"conf": conf or {}} | ({"dag_run_id": run_id} if run_id else {})
        return str(self.call("POST", f"dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1
    ) -> str:
        """Log of one try of a task, as text."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        parameters = {"full_content": "true"} | ({"map_index": map_index} if map_index >= 0 else {})
        return str(self.call("GET", path, params=parameters, headers={"Accept": "text/plain"}))

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1
    ) -> Any:
        """Value of an XCom, ``None`` when there is none."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        try:
            found = self.call("GET", path, params={"map_index": map_index, "stringify": "false"})
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code == 404:
                return None
            raise
        return found["value"]
