"""Which submissions of one account are under way, and which training belongs to which.

After a lost answer a new model in the account may be the lost one, or another task's. So each submission to an
environment with a model list is entered before it goes out and gets its id when it is known. An entry is one
Airflow Variable; it stays for two days, since another submission may be settled later than this one ends.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Protocol

PREFIX = "dreambooth_submission"
#: Seconds for which an entry is kept.
KEPT = 2 * 24 * 3600.0
#: A lost answer that is settled later than this is not settled by adoption: entries of that time may be gone.
KNOWN_FOR = KEPT / 2


class Variables(Protocol):
    """What is needed of Airflow's Variables."""

    def keys(self, prefix: str) -> Iterable[str]: ...

    def get(self, key: str, default: Any) -> Any: ...

    def set(self, key: str, value: str, description: str | None = None) -> None: ...

    def delete(self, key: str) -> None: ...


class Ledger:
    """
    The submissions of one account, as one task instance sees them.

    :param variables: where entries are kept.
    :param account: the account, as in the record.
    :param owner: names the task instance: the same over its tries.
    """

    def __init__(self, variables: Variables, *, account: str, owner: str) -> None:
        self._variables = variables
        self._owner = owner
        self._own = hashlib.sha256(owner.encode()).hexdigest()[:16]
        self._prefix = f"{PREFIX}.{hashlib.sha256(account.encode()).hexdigest()[:8]}."

    def _key(self, requested_at: float) -> str:
        return f"{self._prefix}{int(requested_at)}.{self._own}"

    @staticmethod
    def _time_in(key: str) -> float:
        try:
            return float(key.split(".")[2])
        except (IndexError, ValueError):
            return 0.0

    def announce(self, requested_at: float, fingerprint: str) -> None:
        """
        Enter a submission before it goes out, and drop entries that nobody needs any more.

        :param requested_at: when it goes out.
        :param fingerprint: digest of its inputs.
        """
        for key in list(self._variables.keys(self._prefix)):
            if self._time_in(key) < requested_at - KEPT:
                self._variables.delete(key)
        self._write(requested_at, training_id=None, fingerprint=fingerprint)

    def claim(self, requested_at: float, training_id: str) -> None:
        """Say which training the submission has become."""
        self._write(requested_at, training_id=training_id)

    def withdraw(self, requested_at: float) -> None:
        """Take the entry back: the service took nothing on."""
        self._variables.delete(self._key(requested_at))

    def _write(self, requested_at: float, **facts: str | None) -> None:
        value = json.dumps({**facts, "task": self._owner})
        self._variables.set(
            self._key(requested_at),
            value,
            description="A paid training: see the provider's page on reliability",
        )

    def others(self, since: float, fingerprint: str) -> tuple[frozenset[str], int]:
        """
        Return what other submissions have become, and how many of them are in doubt.

        :param since: when the own submission went out; those in doubt since long before cannot be confused with it.
        :param fingerprint: digest of the own inputs: an own earlier submission of the same may be taken for this one.
        :return: ids that other submissions, the own earlier ones included, have become; and those in doubt.
        """
        claimed: set[str] = set()
        in_doubt = 0
        for key in self._variables.keys(self._prefix):
            if key == self._key(since):
                continue
            entry = _read(self._variables.get(key, None))
            if entry.get("training_id"):
                claimed.add(str(entry["training_id"]))
            elif key.endswith(f".{self._own}") and entry.get("fingerprint") == fingerprint:
                continue
            elif self._time_in(key) > since - KNOWN_FOR:
                in_doubt += 1
        return frozenset(claimed), in_doubt


def _read(text: Any) -> dict[str, Any]:
    """Read an entry; one that cannot be read is one in doubt, never one that is not there."""
    try:
        entry = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return entry if isinstance(entry, dict) else {}
