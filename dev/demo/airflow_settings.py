# SPDX-License-Identifier: Apache-2.0
"""Airflow's configuration for a small installation in one folder, as environment variables."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.fernet import Fernet

from dev.demo.ports import HOST

USER = "admin"
PASSWORD = "admin"


def airflow_environment(
    home: Path,
    *,
    port: int,
    dag_folders: Sequence[Path],
    database_url: str | None = None,
    schedules: bool = False,
    config: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """
    All environment variables of an Airflow that knows nothing of the user's own.

    :param home: its ``AIRFLOW_HOME``, which is written to.
    :param port: port of the api-server.
    :param dag_folders: folders with DAG files.
    :param database_url: metadata database; ``None`` takes an SQLite file in ``home``.
    :param schedules: whether DAGs also start by their schedule; then they wait for somebody to unpause them.
    :param config: further options, ``section.option`` to value.
    """
    home.mkdir(parents=True, exist_ok=True)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({USER: PASSWORD}))
    url = f"http://{HOST}:{port}"
    bundles = [
        {
            "name": f"local-{folder.name}",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder), "refresh_interval": 30},
        }
        for folder in dag_folders
    ]
    options = {
        "api.base_url": url,
        "api.host": HOST,
        "api.port": str(port),
        "api.secret_key": secrets.token_hex(16),
        "api.workers": "1",
        "api_auth.jwt_secret": secrets.token_hex(32),
        "core.auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "core.dags_are_paused_at_creation": str(schedules),
        "core.dags_folder": str(dag_folders[0]),
        "core.execution_api_server_url": f"{url}/execution/",
        "core.executor": "LocalExecutor",
        "core.fernet_key": Fernet.generate_key().decode(),
        "core.load_examples": "False",
        "core.parallelism": "8",
        "core.simple_auth_manager_passwords_file": str(passwords),
        "core.simple_auth_manager_users": f"{USER}:admin",
        "core.test_connection": "Enabled",
        "dag_processor.dag_bundle_config_list": json.dumps(bundles),
        "database.sql_alchemy_conn": database_url or f"sqlite:///{home}/airflow.db",
        "logging.colored_console_log": "False",
        "scheduler.scheduler_idle_sleep_time": "0.5",
        "scheduler.use_job_schedule": str(schedules),
        "usage_data_collection.enabled": "False",
    } | dict(config or {})
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    no_proxy = ",".join(filter(None, [inherited.get("no_proxy"), HOST, "localhost"]))
    return (
        inherited
        | {"AIRFLOW_HOME": str(home), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        | {"no_proxy": no_proxy, "NO_PROXY": no_proxy}
        | {f"AIRFLOW__{name.upper().replace('.', '__', 1)}": value for name, value in options.items()}
    )
