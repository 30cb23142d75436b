# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL for tests: skipped on a machine without it, a failure under CI."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from dev.cluster import postgresql
from tests.requirements import present


@contextlib.contextmanager
def running_postgresql() -> Iterator[str]:
    """Start a server for the length of a ``with`` block and give the URL of an empty database."""
    with contextlib.ExitStack() as opened:
        with present():
            url = opened.enter_context(postgresql.running_postgresql())
        yield url
