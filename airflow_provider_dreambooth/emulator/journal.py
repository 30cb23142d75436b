# SPDX-License-Identifier: Apache-2.0
"""What happened: the last requests, counters, and lines for the terminal. No key ever gets in here."""

from __future__ import annotations

import collections
import contextlib
import queue
import sys
import threading
import time
from typing import Any

_LONGEST_PATH = 300
_Entry = tuple[float, str, str, str, int, str, str]


class Journal:
    """Counts and remembers requests.

    :param size: how many requests are remembered.
    """

    def __init__(self, size: int) -> None:
        self._entries: collections.deque[_Entry] = collections.deque(maxlen=size)
        self.requests: collections.Counter[str] = collections.Counter()
        self.statuses: collections.Counter[int] = collections.Counter()
        self.connections_opened = 0
        self.connections_open = 0
        self.most_connections_open = 0
        self.open_requests = 0
        self.most_open_requests = 0

    def note(
        self,
        moment: float,
        method: str,
        path: str,
        endpoint: str,
        http_status: int,
        fault: str,
        account: str = "",
    ) -> None:
        """Remember one answered request.

        :param moment: epoch seconds.
        :param path: path without query.
        :param http_status: code sent, 0 when the connection was cut.
        :param fault: kind of fault that spoiled it, or an empty string.
        :param account: fingerprint of an accepted key, or an empty string.
        """
        self._entries.append((moment, method, path[:_LONGEST_PATH], endpoint, http_status, fault, account))
        self.requests[endpoint] += 1
        self.statuses[http_status] += 1

    def connection_opened(self) -> None:
        """Count a TCP connection."""
        self.connections_opened += 1
        self.connections_open += 1
        self.most_connections_open = max(self.most_connections_open, self.connections_open)

    def connection_closed(self) -> None:
        """Count the end of a TCP connection."""
        self.connections_open -= 1

    def reset(self) -> None:
        """Forget all but the connections that are open now."""
        self._entries.clear()
        self.requests.clear()
        self.statuses.clear()
        self.connections_opened = 0
        self.most_connections_open = self.connections_open
        self.most_open_requests = self.open_requests

    def description(self, last: int) -> dict[str, Any]:
        """Return counters and the last requests, newest last.

        :param last: how many requests at most.
        """
        names = ("time", "method", "path", "endpoint", "http_status", "fault", "account")
        entries = list(self._entries)[-last:] if last > 0 else []
        return {
            "total": sum(self.requests.values()),
            "by_endpoint": dict(self.requests),
            "by_http_status": {str(code): count for code, count in self.statuses.items()},
            "connections_opened": self.connections_opened,
            "connections_open": self.connections_open,
            "most_connections_open": self.most_connections_open,
            "most_open_requests": self.most_open_requests,
            "requests": [dict(zip(names, entry, strict=True)) for entry in entries],
        }


class EventPrinter:
    """Prints lines from a thread of its own, so that a reader who does not read cannot stop the emulator.

    :param quiet: print nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=2000)
        self._quiet = quiet
        self._thread: threading.Thread | None = None

    def line(self, text: str) -> None:
        """Print a line with the time before it; dropped when nobody takes the earlier ones."""
        if self._quiet:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._print, name="emulator-events", daemon=True)
            self._thread.start()
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(f"{time.strftime('%H:%M:%S')} {text}")

    def close(self) -> None:
        """Print what is left, for a second at most."""
        if self._thread is not None:
            try:
                self._lines.put_nowait(None)
            except queue.Full:
                return
            self._thread.join(timeout=1)

    def _print(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                print(text, file=sys.stdout, flush=True)
            except (OSError, ValueError):
                return
