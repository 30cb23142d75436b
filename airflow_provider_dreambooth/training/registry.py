# SPDX-License-Identifier: Apache-2.0
"""The registry of submissions: which of one account are on the way, and which training belongs to which.

After a lost answer a new model in the account may be the lost one, or another task's. So each submission is entered
before it is sent and gets its id when it is known; a cap on trainings a day counts the same entries. An entry is one
Airflow Variable; it stays for two days, since another submission may be settled later than this one ends.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_dreambooth.training.record import Record

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


@dataclass(frozen=True)
class Entry:
    """
    One submission of the account.

    :param key: the Variable's key; entries sort by time.
    :param requested_at: when it was sent, epoch seconds.
    :param task: the task instance, for people.
    :param training_id: what it has become, ``None`` while that is in doubt.
    :param fingerprint: digest of its inputs.
    :param connection: id of its connection.
    :param key_digest: salted digest of its API key.
    :param max_tries: Airflow's number at that time: a clear after it is told by another one.
    :param lost: the task has gone on without it, and it stays in doubt.
    """

    key: str
    requested_at: float
    task: str = "an entry that cannot be read"
    training_id: str | None = None
    fingerprint: str | None = None
    connection: str | None = None
    key_digest: str | None = None
    max_tries: int | None = None
    lost: bool = False
    is_readable: bool = True


class Registry:
    """
    The submissions of one account, as one task instance sees them.

    Each method raises :class:`DreamboothTransientError` when Airflow does not answer.

    :param variables: where entries are kept.
    :param account: the account, as in the record.
    :param owner: names the task instance: the same over its tries.
    :param connection: id of the task's connection.
    """

    def __init__(self, variables: Variables, *, account: str, owner: str, connection: str = "") -> None:
        self._variables = variables
        self._owner = owner
        self._connection = connection
        self._own = hashlib.sha256(owner.encode()).hexdigest()[:16]
        self._prefix = _prefix(account)

    def is_here(self, entry: Entry) -> bool:
        """Whether an entry was sent to this host and environment."""
        return entry.key.startswith(self._prefix)

    def key_of(self, record: Record) -> str:
        """Return the key of this task's entry for a record, which may have been sent to another host."""
        prefix = _prefix(record.account) if record.account else self._prefix
        return f"{prefix}{int(record.intent_at)}.{self._own}"

    @staticmethod
    def _time_in(key: str) -> float:
        try:
            return float(key.split(".")[2])
        except (IndexError, ValueError):
            return 0.0

    def announce(self, record: Record, before: Record | None = None) -> None:
        """
        Enter a submission before its intent is written, and drop entries that nobody needs any more.

        An own one without an id that is neither lost nor the recorded one's belongs to a try that ended between this
        entry and its intent: it has sent nothing.

        :param record: the intent.
        :param before: the record that the task has now. When in doubt its entry stays in doubt, for others.
        """
        recorded = None
        if before is not None and (before.in_doubt or before.training_id is not None):
            # An id that could not be entered when it was known is entered now.
            recorded = self.key_of(before)
            self._write(before, lost=before.in_doubt)
        for key in list(self._variables.keys(self._prefix)):
            is_old = self._time_in(key) < record.intent_at - KEPT
            if is_old or (key != recorded and self._is_unsent(key)):
                self._variables.delete(key)
        self._write(record)

    def move(self, record: Record, to: Record) -> None:
        """
        Enter a submission at a later time, without a moment in which it is not there.

        :param record: the announced intent.
        :param to: the same with a later time.
        """
        self._write(to)
        if self.key_of(to) != self.key_of(record):
            self.withdraw(record)

    def give_up(self, record: Record) -> None:
        """Leave a submission in doubt for others, although its task goes on without it."""
        self._write(record, lost=True)

    def _is_unsent(self, key: str) -> bool:
        if not key.endswith(f".{self._own}"):
            return False
        entry = _read(key, self._time_in(key), self._variables.get(key, None))
        return entry.is_readable and entry.training_id is None and not entry.lost

    def claim(self, record: Record) -> None:
        """
        Say which training the submission has become.

        :param record: with the id.
        """
        self._write(record)

    def withdraw(self, record: Record) -> None:
        """Take the entry back: the service accepted nothing."""
        self._variables.delete(self.key_of(record))

    def _write(self, record: Record, *, lost: bool = False) -> None:
        value = json.dumps(
            {
                "training_id": record.training_id,
                "task": self._owner,
                "fingerprint": record.fingerprint,
                "connection": self._connection,
                "key_digest": record.key_digest,
                "max_tries": record.max_tries,
                "lost": lost,
            }
        )
        self._variables.set(
            self.key_of(record),
            value,
            description="A paid training: see the provider's page on reliability",
        )

    def entries(self, since: float = 0.0, *, everywhere: bool = False) -> list[Entry]:
        """
        Return the account's entries, oldest first.

        :param since: epoch seconds; older ones are left out.
        :param everywhere: those of all accounts: one account may be reached by several host names.
        """
        prefix = f"{PREFIX}." if everywhere else self._prefix
        keys = [key for key in self._variables.keys(prefix) if self._time_in(key) >= since]
        found = [_read(key, self._time_in(key), self._variables.get(key, None)) for key in keys]
        return sorted(found, key=lambda entry: (entry.requested_at, entry.key))

    def training_of(self, record: Record) -> str | None:
        """
        Return the id that this task's submission has become, as far as the registry knows.

        :param record: one in doubt.
        """
        own = self.key_of(record)
        return _read(own, record.intent_at, self._variables.get(own, None)).training_id

    def newer_of_owner(self, record: Record) -> list[Entry]:
        """Return this task's entries that are newer than the record: another try of it is alive, or was."""
        own = self.key_of(record)
        return [
            entry
            for entry in self.entries(int(record.intent_at))
            if entry.key.endswith(f".{self._own}") and entry.key != own
        ]

    def others(
        self, record: Record, *, same_key: Callable[[str | None], bool] = lambda digest: False
    ) -> tuple[frozenset[str], int]:
        """
        Return what other submissions have become, and how many of the account's are in doubt.

        :param record: the own submission; those in doubt since long before cannot be confused with it. An own earlier
            one of the same inputs may be taken for this one.
        :param same_key: whether a digest is that of the connection's key: one account may be reached by several host names.
        :return: ids that other submissions, the own earlier ones included, have become; and those in doubt.
        """
        claimed: set[str] = set()
        in_doubt = 0
        for entry in self.entries(everywhere=True):
            if entry.key == self.key_of(record):
                continue
            if entry.training_id is not None:
                claimed.add(entry.training_id)
            elif entry.key.endswith(f".{self._own}") and entry.fingerprint == record.fingerprint:
                continue
            elif entry.requested_at > record.intent_at - KNOWN_FOR and (
                self.is_here(entry) or same_key(entry.key_digest)
            ):
                in_doubt += 1
        return frozenset(claimed), in_doubt


def _prefix(account: str) -> str:
    return f"{PREFIX}.{hashlib.sha256(account.encode()).hexdigest()[:8]}."


def _read(key: str, requested_at: float, text: Any) -> Entry:
    """Read an entry; one that cannot be read is one in doubt, never one that is not there."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        value = None
    if not isinstance(value, dict):
        return Entry(key, requested_at, is_readable=False)
    facts: dict[str, Any] = {
        name: str(value[name]) if value.get(name) else None
        for name in ("training_id", "fingerprint", "connection", "key_digest")
    }
    if isinstance(value.get("max_tries"), int):
        facts["max_tries"] = value["max_tries"]
    return Entry(key, requested_at, task=str(value.get("task")), lost=value.get("lost") is True, **facts)
