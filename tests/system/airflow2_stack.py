# SPDX-License-Identifier: Apache-2.0
"""The stack of Airflow 2: a webserver with users of its own, and a scheduler that reads DAG files itself."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.emulator import Emulator
from tests.examples import EXAMPLES
from tests.system.airflow2_client import Airflow2Client
from tests.system.stack import SystemStack

_FAB = "airflow.providers.fab.auth_manager"


class Airflow2Stack(SystemStack):
    """A :class:`SystemStack` below Airflow 3; it needs a database that takes several writers, such as PostgreSQL."""

    def __init__(
        self,
        folder: Path,
        emulator: Emulator,
        *,
        dag_folders: Sequence[Path] = (EXAMPLES,),
        config: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> None:
        # It reads a single folder, and follows links.
        dags = folder / "dags"
        dags.mkdir()
        for source in dag_folders:
            (dags / source.name).symlink_to(source)
        options = {
            "api.auth_backends": f"{_FAB}.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
            "core.auth_manager": f"{_FAB}.fab_auth_manager.FabAuthManager",
            "core.executor": "LocalExecutor",
            "scheduler.dag_dir_list_interval": "10",
            "webserver.secret_key": secrets.token_hex(16),
            "webserver.workers": "1",
        } | dict(config or {})
        super().__init__(folder, emulator, dag_folders=[dags], config=options, **arguments)
        # It starts processes by the name of the command.
        self.environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.client = Airflow2Client(self.url, USER, PASSWORD)
        self.client.login()

    def migrate(self) -> None:
        """Create the metadata database and the user."""
        super().migrate()
        person = ["--firstname", "A", "--lastname", "User", "--email", "user@example.com"]
        command = ["users", "create", "--username", USER, "--password", PASSWORD, "--role", "Admin", *person]
        creation = self.start_component("user", *command)
        if creation.process.wait() != 0:
            creation.check()
        del self.components["user"]

    def wait_until_healthy(self, timeout: float = 400.0) -> None:
        """Return as soon as every component reports to be healthy; its webserver writes all permissions first."""
        super().wait_until_healthy(timeout)

    def start_components(self) -> None:
        """Start all of Airflow, without waiting for it."""
        self.start_component("webserver", "webserver", "--port", str(self.port), "--hostname", "127.0.0.1")
        self.start_component("scheduler", "scheduler", "--skip-serve-logs")
        for name in self.triggerers:
            self.start_component(name, "triggerer", "--skip-serve-logs")
