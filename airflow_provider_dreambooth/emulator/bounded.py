# SPDX-License-Identifier: Apache-2.0
"""A dictionary of limited size, which forgets its oldest entries."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dictionary in order of age. Entries come in by :meth:`keep` alone.

    :param most: how many entries it holds.
    :param most_bytes: how many bytes they have together; the newest entry always stays.
    """

    def __init__(self, most: int, most_bytes: int = 256 * 1024 * 1024) -> None:
        super().__init__()
        self._most, self._most_bytes = most, most_bytes
        self._sizes: dict[K, int] = {}
        self._bytes = 0

    def keep(self, key: K, value: V, size: int = 0) -> None:
        """Add an entry as the newest, or renew it, and forget the oldest where there are too many."""
        if key in self:
            self._forget(key)
        self[key], self._sizes[key] = value, size
        self._bytes += size
        while len(self) > 1 and (len(self) > self._most or self._bytes > self._most_bytes):
            self._forget(next(iter(self)))

    def _forget(self, key: K) -> None:
        del self[key]
        self._bytes -= self._sizes.pop(key)

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._sizes.clear()
        self._bytes = 0
