# SPDX-License-Identifier: Apache-2.0
"""The cap on paid submissions of one account in 24 hours, counted in the registry of submissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.training import key_digest
from airflow_provider_dreambooth.training.record import Record, as_text
from airflow_provider_dreambooth.training.registry import Entry, Registry

if TYPE_CHECKING:
    from airflow_provider_dreambooth.connection import ConnectionSettings

#: Seconds over which the cap counts.
DAY = 24 * 3600.0
#: Seconds after which submissions that compete for the last places are counted again, and how often.
COUNTED_AGAIN_AFTER, COUNTS = 3.0, 20


class Verdict(Enum):
    """Whether a submission that is entered in the registry may be sent."""

    SEND = "send"
    FULL = "full"
    #: Others compete for the last places: some of them will leave in a moment.
    COUNT_AGAIN = "count again"


def verdict(entries: Sequence[Entry], own_key: str, cap: int) -> Verdict:
    """
    Return whether one of the entries may be sent.

    Whoever counts no more than the cap, itself included, may send: of several that enter at the same moment none
    misses another, so that the cap is never exceeded. The earliest are not refused for those after them.

    :param entries: the account's entries of the last 24 hours, oldest first, the own one included.
    :param own_key: the key of the own entry.
    :param cap: paid submissions in 24 hours.
    """
    if len(entries) <= cap:
        return Verdict.SEND
    keys = [entry.key for entry in entries]
    before = keys.index(own_key) if own_key in keys else len(keys)
    paid_after = sum(entry.training_id is not None for entry in entries[before + 1 :])
    return Verdict.FULL if before + paid_after >= cap else Verdict.COUNT_AGAIN


def admit(
    registry: Registry,
    record: Record,
    *,
    cap: int,
    connection: str,
    settings: ConnectionSettings,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Record:
    """
    Let a submission pass that the cap allows.

    Entries of the same key count, over whatever connection, host name or environment; and those of the same connection
    to the same host, whose key may have been renewed since.

    :param record: the intent, announced.
    :param connection: id of the connection.
    :param settings: the connection.
    :return: the intent, announced again when it had to wait.
    :raises DreamboothValidationError: the cap is reached. The entry is withdrawn and nothing was sent.
    :raises DreamboothTransientError: the registry did not answer, or too many compete for the last places.
    """
    for _ in range(COUNTS):
        own = registry.key_of(record)
        entries = [
            entry
            for entry in registry.entries(clock() - DAY, everywhere=True)
            if entry.key == own
            or (entry.connection == connection and registry.is_here(entry))
            or key_digest.is_of(entry.key_digest, settings)
        ]
        result = verdict(entries, own, cap)
        if result is Verdict.SEND:
            return record
        if result is Verdict.FULL:
            registry.withdraw(record)
            raise _reached([entry for entry in entries if entry.key != own], cap, connection)
        sleep(COUNTED_AGAIN_AFTER)
        # The time of the intent is the time of the request.
        fresh = replace(record, intent_at=clock())
        registry.move(record, fresh)
        record = fresh
    registry.withdraw(record)
    raise DreamboothTransientError(
        f"Too many tasks compete for the last of the {cap} trainings a day that connection {connection!r} allows "
        "(max_trainings_per_day). Nothing was sent and nothing was paid. A retry counts again."
    )


def cannot_be_kept(connection: str) -> DreamboothValidationError:
    """Return the error for a cap where no registry can be kept."""
    return DreamboothValidationError(
        f"Connection {connection!r} sets max_trainings_per_day, which needs Airflow 3.3 or newer: below it tasks cannot know of "
        "each other's trainings. Nothing was sent and nothing was paid. Empty the field, or limit the DAG by a pool and "
        "max_active_runs."
    )


def _reached(entries: Sequence[Entry], cap: int, connection: str) -> DreamboothValidationError:
    tasks = Counter(entry.task for entry in entries)
    who = ", ".join(f"{task} ({count} times)" if count > 1 else task for task, count in tasks.most_common(10))
    more = f" and {len(tasks) - 10} more" if len(tasks) > 10 else ""
    place = as_text(entries[-cap].requested_at + DAY) if len(entries) >= cap else None
    free = f" A place is free again at {place}." if place else ""
    return DreamboothValidationError(
        f"The cap of connection {connection!r} is reached: max_trainings_per_day is {cap}, and {len(entries)} trainings of its "
        f"account were started in the last 24 hours, by {who}{more}. Nothing was sent and nothing was paid, and there is no "
        f"retry.{free} Clear the task then, or raise the cap."
    )
