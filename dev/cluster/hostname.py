# SPDX-License-Identifier: Apache-2.0
"""What a member of the cluster is called: Airflow shows it with each task instance, instead of one host for all."""

from __future__ import annotations

import os
import socket

MEMBER = "CLUSTER_MEMBER"


def member() -> str:
    """Return this member's name; Airflow calls it as its ``hostname_callable``."""
    return os.environ.get(MEMBER) or socket.gethostname()
