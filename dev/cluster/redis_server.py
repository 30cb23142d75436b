# SPDX-License-Identifier: Apache-2.0
"""A Redis server of our own: on loopback, on a free port, in memory only."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from dev.cluster.programs import program
from dev.demo.component import Component
from dev.demo.ports import HOST, free_port


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """
    Start a server for the length of a ``with`` block and give the URL of its first database.

    :param folder: where its log goes.
    :raises MissingProgramError: Redis is not installed.
    """
    port = free_port()
    command = [str(program("redis-server", "redis-server")), "--bind", HOST, "--port", str(port)]
    # Nothing on disk: no snapshots, no log of changes.
    command += ["--save", "", "--appendonly", "no"]
    server = Component("redis", command, os.environ, folder / "redis.log", folder)
    try:
        _wait(server, port)
        yield f"redis://{HOST}:{port}/0"
    finally:
        server.stop()


def _wait(server: Component, port: int, timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while True:
        server.check()
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1) as asked:
            asked.sendall(b"PING\r\n")
            if asked.recv(16).startswith(b"+PONG"):
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"Redis does not answer. The end of {server.log}:\n{server.tail()}")
        time.sleep(0.1)
