# SPDX-License-Identifier: Apache-2.0
"""Ports on loopback: a wish is kept when the port is free, otherwise the system picks one."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def free_port(wish: int = 0) -> int:
    """
    Give a port that nothing listens on.

    :param wish: the port to give if it is free; 0 leaves the choice to the system.
    """
    for candidate in (wish, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free on this machine")
