# SPDX-License-Identifier: Apache-2.0
"""Airflow's simple auth manager, and a user who may read one DAG only."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

READER = "reader"
READABLE = "training_pages"


class AuthManagerByDag(SimpleAuthManager):
    """What the simple auth manager says, and to one user no for all DAGs but one."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **arguments: Any) -> bool:
        """Answer whether a user may do something with a DAG; without details, with some DAG."""
        named = details is not None and details.id is not None
        if user.username == READER and named and details.id != READABLE:
            return False
        return bool(super().is_authorized_dag(user=user, details=details, **arguments))
