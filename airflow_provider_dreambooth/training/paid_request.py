# SPDX-License-Identifier: Apache-2.0
"""The one request that costs money, and the record around it.

The order of writes is the promise: registry, intent, a last check, request, id, and only then anything else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.training import key_digest, messages
from airflow_provider_dreambooth.training.decision import SETTLE_AFTER, Situation
from airflow_provider_dreambooth.training.intent import Intent
from airflow_provider_dreambooth.training.record import (
    LONGEST_PROMPT,
    MOST_KNOWN_MODELS,
    Ending,
    Record,
)
from airflow_provider_dreambooth.training.steps import Submit

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.bookkeeping import Bookkeeping

#: Requests that one try may send with ``on_lost_submission='resubmit'``.
MOST_SENDS = 3
#: Seconds to wait for a place in the account's queue when the service names none (documented ``retry_after``: 30).
QUEUE_FULL_FOR = 30.0


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
    :param books: where it is written what became of it.
    :param deadline: when waiting ends, written into the record.
    :param timeout: seconds that waiting may take: a training that replaces an earlier one gets them all.
    :param links: checks the images and returns their links; called only when a training is about to be paid.
    """

    def __init__(
        self,
        *,
        hook: DreamboothHook,
        books: Bookkeeping,
        deadline: float | None,
        timeout: float | None,
        links: Callable[[], Sequence[str]],
    ) -> None:
        self._hook = hook
        self._books = books
        self._log = books.log
        self._clock = books.clock
        self._deadline = deadline
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
        # Before anything is written: images that cannot be used leave all as it was.
        request = request.with_images(self._links())
        if before is not None and before.known is not None and before.queued_until is None:
            # The time that the earlier training took is not to be missing for the new one.
            self._deadline = None if self._timeout is None else self._clock() + self._timeout
        known_models = self._known_models(situation)
        if step.settled and before is not None:
            self._books.withdraw(before)
        record = Record(
            fingerprint=situation.fingerprint,
            account=situation.account,
            intent_at=self._clock(),
            max_tries=situation.max_tries,
            try_number=situation.try_number,
            deadline=self._deadline,
            key_digest=key_digest.digest_of(self._hook.settings),
            known_models=known_models,
            instance_prompt=None if known_models is None else request.instance_prompt[:LONGEST_PROMPT],
            earlier=None if before is None or before.known is None else _as_earlier(before.known),
            training_api=str(self._hook.training_api),
            sent_as=request.sent_as,
        )
        intent = Intent(self._hook, self._books, before)
        record = intent.announced(record, settled=step.settled)
        intent.write(record, self._after_refusal(before, record, "nothing was sent", queue_full=False))
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
        self._books.keep_id(record)
        self._books.announce(started.training_id)
        self._books.claim(record)
        return record

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
            self._books.sleep(wait)

    def _known_models(self, situation: Situation) -> tuple[str, ...] | None:
        if not situation.can_list:
            return None
        try:
            models = tuple(model.model_id for model in self._hook.list_models() if model.model_id is not None)
        except DreamboothRateLimitError as error:
            if situation.record is None:
                # The deadline must outlive the wait for a place in the queue.
                self._books.store.save(
                    Record(
                        fingerprint=situation.fingerprint,
                        account=situation.account,
                        intent_at=self._clock(),
                        max_tries=situation.max_tries,
                        try_number=situation.try_number,
                        deadline=self._deadline,
                        ending=Ending.NOT_ACCEPTED,
                        reason=str(error)[:500],
                    )
                )
            elif situation.record.training_id is not None:
                self._books.store.save(replace(situation.record, queued_until=self._deadline))
            raise self._queue_full(error, situation.record) from None
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

    def _not_started(self, error: DreamboothError, record: Record, before: Record | None) -> Record:
        if error.acceptance is Acceptance.UNKNOWN:
            self._log.warning(
                "The answer to the request was lost: a training may be running, and may be paid. %s", error
            )
            lost = replace(record, lost_at=self._clock())
            self._books.keep(lost, over=record)
            return lost
        queue_full = isinstance(error, DreamboothRateLimitError)
        left = self._after_refusal(before, record, str(error)[:500], queue_full=queue_full)
        self._books.keep(left, over=record)
        self._books.withdraw(record)
        if isinstance(error, DreamboothRateLimitError):
            raise self._queue_full(error, before) from None
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

    def _queue_full(self, error: DreamboothRateLimitError, before: Record | None) -> QueueFull:
        # Spread over half as much again, so that a hundred waiting tasks do not ask in the same second.
        delay = max(error.retry_after or QUEUE_FULL_FOR, 1.0) * random.uniform(1.0, 1.5)
        hint = messages.queue_full(before.known if before is not None else None)
        if self._deadline is not None and self._clock() + delay >= self._deadline:
            raise DreamboothTrainingTimeoutError(
                "The account's queue at the service stayed full until the task's timeout. No training was started and nothing "
                f"was paid. A retry waits again; a higher timeout or fewer tasks at a time help.{hint}"
            )
        self._log.info(
            "The account's queue at the service is full (%s): trying again in %s.%s",
            error.raw,
            messages.duration(delay),
            hint,
        )
        return QueueFull(delay)


def _as_earlier(record: Record) -> Record:
    return replace(record, earlier=None, queued_until=None)
