# SPDX-License-Identifier: Apache-2.0
"""What a process has once: connections, limits, TLS contexts."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class PerProcess(Generic[Key, Value]):
    """
    One value for each key, made when it is first asked for. Safe to share between threads.

    A forked process, as Airflow's tasks are, begins without any: two processes must not speak over one socket, and a lock
    or a place taken in the parent would stay taken in the child.

    :param make: returns the value for a key.
    """

    def __init__(self, make: Callable[[Key], Value]) -> None:
        self._make = make
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def __getitem__(self, key: Key) -> Value:
        with self._lock:
            if key not in self._values:
                self._values[key] = self._make(key)
            return self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[Key, Value] = {}
