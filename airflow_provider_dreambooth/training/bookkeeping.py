# SPDX-License-Identifier: Apache-2.0
"""Where it is written what became of a paid request: the task's own record, and the account's registry of submissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothLostSubmissionError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.training import messages
from airflow_provider_dreambooth.training.record import Record, same

if TYPE_CHECKING:
    from airflow_provider_dreambooth.training.registry import Registry

#: Seconds for which the id of a paid training is tried to be stored.
STORED_WITHIN = 300.0


class RecordStore(Protocol):
    """Where the record of the running task instance is kept."""

    def load(self) -> Record | None: ...

    def save(self, record: Record) -> None: ...


class Bookkeeping:
    """
    The books of one task instance.

    :param store: keeps the record.
    :param registry: knows other submissions to the account; ``None`` where that cannot be known.
    :param log: Airflow's task log.
    :param clock: returns epoch seconds.
    :param sleep: waits that many seconds.
    :param announce: is called with the training id the moment it is known and recorded.
    """

    def __init__(
        self,
        *,
        store: RecordStore,
        registry: Registry | None,
        log: Any,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        announce: Callable[[str], None],
    ) -> None:
        self.store = store
        self.registry = registry
        self.log = log
        self.clock = clock
        self.sleep = sleep
        self.announce = announce

    def replace(self, before: Record | None, record: Record) -> None:
        """
        Write the record in place of another one, unless another try of the task has changed that meanwhile.

        :param before: the record that the decision was made with.
        :raises DreamboothTransientError: it was changed, so that nothing is written; or Airflow did not answer.
        """
        if not same(self.store.load(), before):
            raise another_try()
        self.store.save(record)

    def check_taken_over(self, record: Record) -> None:
        """
        Stop when another try of the task has changed the record since the training was accepted.

        :raises DreamboothLostSubmissionError: it has.
        """
        if not same(self.store.load(), record):
            raise self._taken_over(record)

    def claim(self, record: Record) -> None:
        """Enter into the registry which training the submission has become; a later try does it again."""
        if self.registry is None:
            return
        try:
            self.registry.claim(record)
        except DreamboothTransientError as error:
            self.log.warning(
                "Training %s is recorded, but not in the registry of submissions: %s",
                record.training_id,
                error,
            )

    def withdraw(self, record: Record) -> None:
        """Take the entry in the registry back: the service accepted nothing."""
        if self.registry is not None:
            self.registry.withdraw(record)

    def keep_id(self, record: Record) -> None:
        """Write the id where a later try finds it: into the record, or at least into the registry."""
        assert record.training_id is not None
        try:
            if not self._is_ours(record):
                raise self._taken_over(record)
            self.store.save(record)
            return
        except DreamboothTransientError as failure:
            self.log.error(
                "The id of training %s could not be written into the task's state: %s Trying again for %s.",
                record.training_id,
                failure,
                messages.duration(STORED_WITHIN),
            )
        in_registry = self._elsewhere(record)
        try:
            kept = self.keep(
                record, over=record, meanwhile=lambda: None if in_registry else self._elsewhere(record)
            )
        except DreamboothTransientError as failure:
            if in_registry or self._elsewhere(record):
                raise DreamboothTransientError(
                    messages.id_in_registry(record.training_id, failure),
                    training_id=record.training_id,
                    acceptance=Acceptance.UNKNOWN,
                ) from failure
            raise DreamboothLostSubmissionError(
                messages.lost_id(record.training_id, failure), training_id=record.training_id
            ) from failure
        if not kept:
            raise self._taken_over(record)

    def _elsewhere(self, record: Record) -> bool:
        """Write the id into the registry; and into XCom, where people look, although Airflow empties that for a retry."""
        assert record.training_id is not None
        try:
            self.announce(record.training_id)
        except Exception as error:
            self.log.warning("XCom training_id could not be written either (%s).", type(error).__name__)
        if self.registry is None:
            return False
        try:
            self.registry.claim(record)
        except DreamboothTransientError as error:
            self.log.warning("%s", error)
            return False
        return True

    def _is_ours(self, record: Record, *, if_unknown: bool | None = None) -> bool:
        """Whether the stored record is still the intent of this request."""
        try:
            stored = self.store.load()
        except DreamboothTransientError:
            if if_unknown is None:
                raise
            return if_unknown
        return (
            stored is None
            or stored.key_digest == record.key_digest
            or stored.training_id == record.training_id
        )

    def _taken_over(self, record: Record) -> DreamboothError:
        self.claim(record)
        return DreamboothLostSubmissionError(
            f"Training {record.training_id} is accepted and paid, but this worker stood still meanwhile and another try of the "
            "task has changed the record. Both may be running: look at the record, and cancel the one that nobody waits for.",
            training_id=record.training_id,
        )

    def keep(self, record: Record, *, over: Record, meanwhile: Callable[[], object] = lambda: None) -> bool:
        """
        Write the record, again and again for some minutes, unless another try of the task has written its own meanwhile.

        :param over: the intent of the request that it tells of.
        :return: whether it was written.
        :raises DreamboothTransientError: it could not be written.
        """
        began, delay = self.clock(), 1.0
        while True:
            try:
                if not self._is_ours(over, if_unknown=True):
                    return False
                self.store.save(record)
                return True
            except DreamboothTransientError:
                if self.clock() - began >= STORED_WITHIN:
                    raise
            meanwhile()
            self.sleep(delay)
            delay = min(2 * delay, 30.0)


def another_try() -> DreamboothError:
    """Return the error of a try that finds, before it has paid, that another one may be alive."""
    return DreamboothTransientError(
        "The record of this task's training was changed, or this worker stood still, since it was read: another try "
        "of the task may be alive. Nothing was sent and nothing was paid by this one. A retry decides again."
    )
