# SPDX-License-Identifier: Apache-2.0
"""The one request that costs money, and the record around it.

The order of writes is the promise: registry, intent, a last check, request, id, and only then anything else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.training import daily_cap, key_digest, messages
from airflow_provider_dreambooth.training.decision import SETTLE_AFTER, Situation, Submit
from airflow_provider_dreambooth.training.record import (
    LONGEST_PROMPT,
    MOST_KNOWN_MODELS,
    Ending,
    Record,
)

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.registry import Registry

#: Requests that one try may send with ``on_lost_submission='resubmit'``.
MOST_SENDS = 3
#: Seconds to wait for a place in the account's queue when the service names none (documented ``retry_after``: 30).
QUEUE_FULL_FOR = 30.0
#: Seconds between the last look at the record and the request. Airflow starts another try of a worker that does not
#: answer after minutes, so that an intent this young is nobody else's.
FRESH_FOR = 15.0
#: Seconds for which the id of a paid training is tried to be stored.
STORED_WITHIN = 300.0


class RecordStore(Protocol):
    """Where the record of the running task instance is kept."""

    def load(self) -> Record | None: ...

    def save(self, record: Record) -> None: ...


class QueueFull(Exception):  # noqa: N818 - no error: the task waits and asks again
    """
    The account's queue is full and nothing was accepted.

    :param delay: seconds after which to try again.
    """

    def __init__(self, delay: float) -> None:
        super().__init__(delay)
        self.delay = delay


class PaidRequest:
    """
    Sends the request for a training and keeps what became of it.

    :param hook: carries the calls.
    :param store: keeps the record.
    :param registry: knows other submissions to the account; ``None`` where that cannot be known.
    :param log: Airflow's task log.
    :param deadline: when waiting ends, written into the record.
    :param announce: is called with the training id the moment it is known and recorded.
    :param timeout: seconds that waiting may take: a training that replaces an earlier one gets them all.
    :param links: checks the images and returns their links; called only when a training is about to be paid.
        ``None`` when the request has them already.
    """

    def __init__(
        self,
        *,
        hook: DreamboothHook,
        store: RecordStore,
        registry: Registry | None,
        log: Any,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        deadline: float | None,
        announce: Callable[[str], None],
        timeout: float | None = None,
        links: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._hook = hook
        self._store = store
        self._registry = registry
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._deadline = deadline
        self._announce = announce
        self._links = links
        self._timeout = timeout
        self._sends = 0

    def send(self, step: Submit, request: TrainingRequest, situation: Situation) -> Record:
        """
        Send the paid request.

        :return: the record: with the id, or in doubt when the answer was lost.
        :raises QueueFull: the account's queue is full; nothing was accepted.
        :raises DreamboothError: nothing was accepted, or the id could not be stored.
        """
        before = situation.record
        self._wait_for_a_further_send(before)
        if self._links is not None:
            # Before anything is written: images that cannot be used leave all as it was.
            request = request.with_images(self._links())
        if before is not None and before.known is not None and before.queued_until is None:
            # The time that the earlier training took is not to be missing for the new one.
            self._deadline = None if self._timeout is None else self._clock() + self._timeout
        known_models = self._known_models(situation)
        if step.settled and before is not None and self._registry is not None:
            self._registry.withdraw(before)
        record = Record(
            fingerprint=situation.fingerprint,
            account=situation.account,
            intent_at=self._clock(),
            max_tries=situation.max_tries,
            deadline=self._deadline,
            key_digest=key_digest.digest_of(self._hook.settings),
            known_models=known_models,
            instance_prompt=None if known_models is None else request.instance_prompt[:LONGEST_PROMPT],
            earlier=None if before is None or before.known is None else _as_earlier(before.known),
            training_api=str(self._hook.training_api),
            sent_as=request.sent_as,
        )
        record = self._announced(record, None if step.settled else before)
        self._write_intent(record, before)
        self._log.info(
            "Starting a new training (%s, %d images) at %s: %s. This costs money.",
            request.endpoint,
            len(request.images),
            situation.account,
            step.why,
        )
        self._sends += 1
        try:
            started = self._hook.fine_tune(request)
        except DreamboothError as error:
            return self._not_started(error, record, None if step.settled else before)
        eta = f", the service announces about {messages.duration(started.eta)}" if started.eta else ""
        # First of all, so that the id is in the log even if it cannot be recorded.
        self._log.info("Training %s is accepted and paid: %s%s.", started.training_id, started.stage, eta)
        record = record.with_training(started.training_id)
        self._store_id(record)
        self._announce(started.training_id)
        self.claim(record)
        return record

    def claim(self, record: Record) -> None:
        """Enter into the registry which training the submission has become; a later try does it again."""
        if self._registry is None:
            return
        try:
            self._registry.claim(record)
        except DreamboothTransientError as error:
            self._log.warning(
                "Training %s is recorded, but not in the registry of submissions: %s",
                record.training_id,
                error,
            )

    def _wait_for_a_further_send(self, record: Record | None) -> None:
        if record is None or not record.in_doubt:
            return
        if self._sends >= MOST_SENDS:
            raise DreamboothTransientError(
                f"{self._sends} requests for this training were sent and every answer was lost. The service may have accepted "
                "some of them. A retry goes on as on_lost_submission says."
            )
        wait = record.given_up_at + SETTLE_AFTER - self._clock()
        if wait > 0:
            # The service refuses the same request within 30 seconds as a duplicate (documented filter).
            self._sleep(wait)

    def _known_models(self, situation: Situation) -> tuple[str, ...] | None:
        if not situation.can_list:
            return None
        try:
            models = tuple(model.model_id for model in self._hook.list_models() if model.model_id is not None)
        except DreamboothRateLimitError as error:
            if situation.record is None:
                # The deadline must outlive the wait for a place in the queue.
                self._store.save(
                    Record(
                        fingerprint=situation.fingerprint,
                        account=situation.account,
                        intent_at=self._clock(),
                        max_tries=situation.max_tries,
                        deadline=self._deadline,
                        ending=Ending.NOT_ACCEPTED,
                        reason=str(error)[:500],
                    )
                )
            elif situation.record.training_id is not None:
                self._store.save(replace(situation.record, queued_until=self._deadline))
            raise QueueFull(self._queue_delay(error, situation.record)) from None
        except DreamboothError as error:
            if error.permanent and not isinstance(error, DreamboothNotFoundError):
                raise
            self._log.warning(
                "The account's models could not be read before the request, so a lost answer could not be settled: %s",
                error,
            )
            return None
        if len(models) > MOST_KNOWN_MODELS:
            self._log.warning(
                "The account has %d models, more than the %d that a record keeps: a lost answer could not be settled by "
                "the list.",
                len(models),
                MOST_KNOWN_MODELS,
            )
            return None
        return models

    def _announced(self, record: Record, before: Record | None) -> Record:
        """Enter the submission into the registry, within the cap of the day."""
        settings = self._hook.settings
        cap = settings.max_trainings_per_day
        if self._registry is None:
            if cap is not None:
                raise daily_cap.cannot_be_kept(self._hook.dreambooth_conn_id)
            return record
        self._registry.announce(record, before)
        if cap is None:
            return record
        return daily_cap.admit(
            self._registry,
            record,
            cap=cap,
            connection=self._hook.dreambooth_conn_id,
            settings=settings,
            clock=self._clock,
            sleep=self._sleep,
        )

    def _write_intent(self, record: Record, before: Record | None) -> None:
        """
        Write the intent, unless another try of this task is alive: a worker that was frozen may wake up at any line.

        :param before: the record that the decision was made with.
        """
        # Counted from the entry in the registry: what the cap allowed minutes ago, others may have used since.
        checked_at = record.intent_at
        if not _same(self._store.load(), before) or self._clock() - checked_at > FRESH_FOR:
            self._withdraw(record)
            raise self._another_try()
        nothing_sent = self._after_refusal(before, record, "nothing was sent", queue_full=False)
        try:
            self._store.save(record)
            ours = _same(self._store.load(), record)
        except DreamboothTransientError:
            # Whether the intent was written is not known: it must not be taken for a lost answer.
            self._store_patiently(nothing_sent)
            self._withdraw(record)
            raise
        if not ours:
            self._withdraw(record)
            raise self._another_try()
        if self._clock() - checked_at <= FRESH_FOR:
            return
        # This worker stood still. Whoever ran meanwhile was overwritten just now: what it has is in the registry.
        newer = self._registry.newer_of_owner(record) if self._registry is not None else []
        paid = next((entry for entry in reversed(newer) if entry.training_id is not None), None)
        if paid is not None and paid.training_id is not None:
            self._store.save(
                replace(record.with_training(paid.training_id), key_digest=paid.key_digest, earlier=None)
            )
        elif self._registry is not None and not newer:
            self._store.save(nothing_sent)
        self._withdraw(record)
        raise self._another_try()

    def _withdraw(self, record: Record) -> None:
        if self._registry is not None:
            self._registry.withdraw(record)

    def _another_try(self) -> DreamboothError:
        return DreamboothTransientError(
            "The record of this task's training was changed, or this worker stood still, right before the request: another try "
            "of the task may be alive. Nothing was sent and nothing was paid by this one. A retry decides anew."
        )

    def _not_started(self, error: DreamboothError, record: Record, before: Record | None) -> Record:
        if error.acceptance is Acceptance.UNKNOWN:
            self._log.warning(
                "The answer to the request was lost: a training may be running, and may be paid. %s", error
            )
            record = replace(record, lost_at=self._clock())
            self._store_patiently(record)
            return record
        queue_full = isinstance(error, DreamboothRateLimitError)
        self._store_patiently(self._after_refusal(before, record, str(error)[:500], queue_full=queue_full))
        self._withdraw(record)
        if isinstance(error, DreamboothRateLimitError):
            raise QueueFull(self._queue_delay(error, before)) from None
        earlier = record.earlier
        if earlier is not None:
            error.add(f"Training {earlier.training_id}, which was to be replaced, is left as it was.")
        self._log.error("No training was started and nothing was paid.")
        raise error

    def _after_refusal(
        self, before: Record | None, record: Record, reason: str, *, queue_full: bool
    ) -> Record:
        """Return what the record has to be: exactly what it was, where it had anything to tell."""
        if before is None or before.ending is Ending.NOT_ACCEPTED:
            return replace(record.ended(Ending.NOT_ACCEPTED, reason), earlier=None)
        return replace(before, queued_until=self._deadline) if queue_full else before

    def _queue_delay(self, error: DreamboothRateLimitError, before: Record | None) -> float:
        # Spread over half as much again, so that a hundred waiting tasks do not ask in the same second.
        delay = max(error.retry_after or QUEUE_FULL_FOR, 1.0) * random.uniform(1.0, 1.5)
        hint = messages.queue_full(before.known if before is not None else None)
        if self._deadline is not None and self._clock() + delay >= self._deadline:
            raise DreamboothTrainingTimeoutError(
                "The account's queue at the service stayed full until the task's timeout. No training was started and nothing "
                f"was paid. A retry waits again; a higher timeout or fewer tasks at a time help.{hint}"
            ) from None
        self._log.info(
            "The account's queue at the service is full (%s): trying again in %s.%s",
            error.raw,
            messages.duration(delay),
            hint,
        )
        return delay

    def _store_id(self, record: Record) -> None:
        """Write the id where a later try finds it: into the record, or at least into the registry."""
        assert record.training_id is not None
        try:
            if not self._is_ours(record):
                raise self._taken_over(record)
            self._store.save(record)
            return
        except DreamboothTransientError as failure:
            self._log.error(
                "The id of training %s could not be written into the task's state: %s Trying again for %s.",
                record.training_id,
                failure,
                messages.duration(STORED_WITHIN),
            )
        in_registry = self._elsewhere(record)
        try:
            self._store_patiently(record, meanwhile=lambda: None if in_registry else self._elsewhere(record))
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

    def _elsewhere(self, record: Record) -> bool:
        """Write the id into the registry; and into XCom, where people look, although Airflow empties that for a retry."""
        assert record.training_id is not None
        try:
            self._announce(record.training_id)
        except Exception as error:
            self._log.warning("XCom training_id could not be written either (%s).", type(error).__name__)
        if self._registry is None:
            return False
        try:
            self._registry.claim(record)
        except DreamboothTransientError as error:
            self._log.warning("%s", error)
            return False
        return True

    def _is_ours(self, record: Record) -> bool:
        """Whether the stored record is still the intent of this request."""
        stored = self._store.load()
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

    def _store_patiently(self, record: Record, meanwhile: Callable[[], object] = lambda: None) -> None:
        """
        Write the record, again and again for some minutes.

        :raises DreamboothTransientError: it could not be written.
        """
        began, delay = self._clock(), 1.0
        while True:
            try:
                self._store.save(record)
                return
            except DreamboothTransientError:
                if self._clock() - began >= STORED_WITHIN:
                    raise
            meanwhile()
            self._sleep(delay)
            delay = min(2 * delay, 30.0)


def _as_earlier(record: Record) -> Record:
    return replace(record, earlier=None, queued_until=None)


def _same(one: Record | None, other: Record | None) -> bool:
    """Whether two records are the same once written: times are stored in seconds."""
    return (one and one.to_json()) == (other and other.to_json())
