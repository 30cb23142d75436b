# SPDX-License-Identifier: Apache-2.0
"""
The intent to pay: entered and written before the request goes out, so that no later try misses it.

What the last check before the request finds belongs here as well: another try of the same task that is alive.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.training import daily_cap
from airflow_provider_dreambooth.training.bookkeeping import another_try
from airflow_provider_dreambooth.training.record import Record, same

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.bookkeeping import Bookkeeping

#: Seconds between the last check of the record and the request. Airflow starts another try of a worker that does not
#: answer after minutes, so that an intent this young is nobody else's.
FRESH_FOR = 15.0


class Intent:
    """
    The intent of one request.

    :param hook: the hook of the task's connection.
    :param books: where it is written.
    :param before: the record that the decision was made with.
    """

    def __init__(self, hook: DreamboothHook, books: Bookkeeping, before: Record | None) -> None:
        self._hook = hook
        self._books = books
        self._store = books.store
        self._registry = books.registry
        self._clock = books.clock
        self._before = before

    def announced(self, record: Record, *, settled: bool) -> Record:
        """
        Enter the submission into the registry, within the cap of the day.

        :param record: the intent.
        :param settled: the request that the record before tells of is known to have left nothing.
        :return: the intent; its time is later when it had to wait for a place.
        :raises DreamboothValidationError: the cap is reached, or cannot be kept.
        """
        settings = self._hook.settings
        cap = settings.max_trainings_per_day
        if self._registry is None:
            if cap is not None:
                raise daily_cap.cannot_be_kept(self._hook.dreambooth_conn_id)
            return record
        self._registry.announce(record, None if settled else self._before)
        if cap is None:
            return record
        return daily_cap.admit(
            self._registry,
            record,
            cap=cap,
            connection=self._hook.dreambooth_conn_id,
            settings=settings,
            clock=self._clock,
            sleep=self._books.sleep,
        )

    def write(self, record: Record, nothing_sent: Record) -> None:
        """
        Write the intent, unless another try of this task is alive: a worker that was frozen may wake up at any line.

        :param record: the announced intent.
        :param nothing_sent: what the record has to be when the request is not sent.
        :raises DreamboothTransientError: the request must not be sent.
        """
        # Counted from the entry in the registry: what the cap allowed minutes ago, others may have used since.
        checked_at = record.intent_at
        if not same(self._store.load(), self._before) or self._clock() - checked_at > FRESH_FOR:
            self._books.withdraw(record)
            raise another_try()
        try:
            self._store.save(record)
            ours = same(self._store.load(), record)
        except DreamboothTransientError:
            # Whether the intent was written is not known: it must not be taken for a lost answer.
            self._books.keep(nothing_sent, over=record)
            self._books.withdraw(record)
            raise
        if not ours:
            self._books.withdraw(record)
            raise another_try()
        if self._clock() - checked_at <= FRESH_FOR:
            return
        # This worker stood still. Whoever ran meanwhile was overwritten just now: what it has is in the registry.
        newer = self._registry.newer_of_owner(record) if self._registry is not None else []
        paid = next((entry for entry in reversed(newer) if entry.training_id is not None), None)
        if paid is not None and paid.training_id is not None:
            self._store.save(
                replace(
                    record.with_training(paid.training_id),
                    key_digest=paid.key_digest,
                    fingerprint=paid.fingerprint or record.fingerprint,
                    intent_at=paid.requested_at,
                    max_tries=record.max_tries if paid.max_tries is None else paid.max_tries,
                    earlier=None,
                )
            )
        elif self._registry is not None and not newer:
            self._store.save(nothing_sent)
        self._books.withdraw(record)
        raise another_try()
