# SPDX-License-Identifier: Apache-2.0
"""
A PostgreSQL server of our own: on loopback, on a free port, in a temporary folder, gone at the end.

PostgreSQL refuses to run as root; then it runs as the user ``postgres`` that its package brings.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dev.cluster.programs import postgresql_program, program
from dev.demo.component import Component
from dev.demo.ports import HOST, free_port

USER = "airflow"
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",  # nothing in it outlives the run
    "synchronous_commit": "off",
    "max_connections": "300",
}


def _as_unprivileged(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres", "postgres")
    return [str(program("runuser", "util-linux")), "-u", "postgres", "--"]


@contextlib.contextmanager
def running_postgresql() -> Iterator[str]:
    """
    Start a server for the length of a ``with`` block and give the URL of an empty database.

    :raises MissingProgramError: PostgreSQL is not installed.
    """
    initdb, postgres = postgresql_program("initdb"), postgresql_program("postgres")
    # Not below the caller's folder, which another user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="dreambooth-postgresql-"))
    port, data = free_port(), folder / "data"
    server: Component | None = None
    try:
        prefix = _as_unprivileged(folder)
        creation = ["-D", str(data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run([*prefix, str(initdb), *creation], check=True, capture_output=True, cwd=folder)
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        # runuser stays in between: the family of the component is both.
        server = Component(
            "postgresql",
            [*prefix, str(postgres), "-D", str(data), "-p", str(port), *options],
            os.environ,
            folder / "postgresql.log",
            folder,
        )
        url = f"postgresql+psycopg2://{USER}@{HOST}:{port}/postgres"
        _wait(server, url)
        yield url
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Component, url: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    deadline = time.monotonic() + 60
    while True:
        server.check()
        try:
            with engine.connect():
                break
        except sqlalchemy.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    engine.dispose()
