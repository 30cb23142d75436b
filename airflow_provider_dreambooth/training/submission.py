"""Carrying out the decision about a paid training: the record around each request, the questions, the request.

:mod:`airflow_provider_dreambooth.training.decision` decides; here is what it takes to follow it. The order of
writes is the promise: intent, request, id, and only then anything else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.training import messages
from airflow_provider_dreambooth.training.decision import (
    SETTLE_AFTER,
    Adopt,
    AskModels,
    AskStatus,
    Finished,
    GiveUp,
    Listing,
    Situation,
    Submit,
    Wait,
    decide,
    given_up_at,
)
from airflow_provider_dreambooth.training.record import MOST_KNOWN_MODELS, Ending, Record
from airflow_provider_dreambooth.training.registry import KNOWN_FOR

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
    from airflow_provider_dreambooth.api.results import FineTuneStatus
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.registry import Ledger

#: Requests that one try may send with ``on_lost_submission='resubmit'``.
MOST_SENDS = 3
#: Seconds to wait for a place in the account's queue when the service names none (documented ``retry_after``: 30).
TURN_AFTER = 30.0


class RecordStore(Protocol):
    """Where the record of the running task instance is kept."""

    def load(self) -> Record | None: ...

    def save(self, record: Record) -> None: ...


class NotYet(Exception):  # noqa: N818 - no error: the task's turn has not come
    """
    The account's queue is full and nothing was accepted: the task waits its turn.

    :param delay: seconds after which to try again.
    """

    def __init__(self, delay: float) -> None:
        super().__init__(delay)
        self.delay = delay


@dataclass(frozen=True)
class Secured:
    """
    A training that is paid, recorded and known.

    :param record: its record.
    :param new: it was started just now.
    :param status: how it stands, when the service was asked.
    """

    record: Record
    new: bool
    status: FineTuneStatus | None = None

    @property
    def training_id(self) -> str:
        """The training's id."""
        assert self.record.training_id is not None
        return self.record.training_id


class Submission:
    """
    One task instance's way to its training.

    :param hook: carries the calls.
    :param store: keeps the record.
    :param ledger: knows other submissions to the account; ``None`` where that cannot be known.
    :param log: Airflow's task log.
    :param deadline: when waiting ends, written into the record.
    :param announce: is called with the training id the moment it is known and recorded.
    :param timeout: seconds that waiting may take: a training that replaces an earlier one gets them all.
    :param links: checks the pictures and returns their links; called only when a training is about to be paid.
        ``None`` when the request has them already.
    """

    def __init__(
        self,
        *,
        hook: DreamboothHook,
        store: RecordStore,
        ledger: Ledger | None,
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
        self._ledger = ledger
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._deadline = deadline
        self._announce = announce
        self._links = links
        self._timeout = timeout
        self._sends = 0

    def secure(self, request: FineTuneRequest, situation: Situation) -> Secured:
        """
        Return the one training of this request: found again, or paid for now.

        :param request: what to train.
        :param situation: what is known; its record is what the store holds.
        :raises NotYet: the account's queue is full.
        :raises DreamboothError: nothing can be done in this try.
        """
        while True:
            step = decide(situation)
            if isinstance(step, AskStatus):
                situation = replace(situation, status=self._ask_status(step.training_id))
            elif isinstance(step, AskModels):
                situation = replace(situation, listing=self._ask_models(step.not_before, situation.record))
            elif isinstance(step, Adopt):
                situation = replace(
                    situation, record=self._adopt(step, situation.record), status=None, listing=None
                )
            elif isinstance(step, (Wait, Finished)):
                return self._take_up(step, situation)
            elif isinstance(step, GiveUp):
                raise step.error
            else:
                result = self._submit(step, request, situation)
                if isinstance(result, Secured):
                    return result
                situation = replace(situation, record=result, status=None, listing=None)

    def _ask_status(self, training_id: str) -> FineTuneStatus | DreamboothNotFoundError:
        try:
            return self._hook.fine_tune_status(training_id)
        except DreamboothNotFoundError as error:
            return error
        except DreamboothError as error:
            error.add(
                f"Training {training_id} was not touched, and nothing new was paid: a retry or a clear takes it up again."
            )
            raise

    def _ask_models(self, not_before: float, record: Record | None) -> Listing:
        wait = not_before - self._clock()
        if wait > 0:
            self._log.info(
                "Asking for the account's models in %s, when the lost request must have shown.",
                messages.duration(wait),
            )
            self._sleep(wait)
        try:
            models = frozenset(model.model_id for model in self._hook.list_models() if model.model_id)
        except DreamboothNotFoundError as error:
            self._log.warning("The service has no list of the account's models: %s", error)
            return Listing(models=None)
        except DreamboothError as error:
            # A fault of the moment must not make a lost submission of what the list can settle later.
            error.add(
                "So it is still unknown whether the request of an earlier try was accepted, and nothing new was sent. "
                "A retry or a clear asks again."
            )
            raise
        if self._ledger is None or record is None or self._clock() - record.intent_at > KNOWN_FOR:
            return Listing(models=models)
        claimed, in_doubt = self._ledger.others(record.intent_at, record.fingerprint)
        return Listing(models=models, claimed=claimed, others_in_doubt=in_doubt)

    def _adopt(self, step: Adopt, record: Record | None) -> Record:
        assert record is not None
        adopted = record.with_training(step.training_id)
        self._store.save(adopted)
        if self._ledger is not None:
            self._ledger.claim(record.intent_at, step.training_id)
        self._log.warning(
            "The answer to the request of this task was lost. Training %s is the only new one in the account since then and "
            "nobody else's: it is taken over, nothing is paid twice.",
            step.training_id,
        )
        return adopted

    def _take_up(self, step: Wait | Finished, situation: Situation) -> Secured:
        assert situation.record is not None
        ending = Ending.READY if isinstance(step, Finished) else None
        record = replace(
            situation.record,
            max_tries=situation.max_tries,
            fingerprint=situation.fingerprint,
            account=situation.account,
            deadline=self._deadline,
            ending=ending,
            reason=None,
        )
        self._store.save(record)
        self._announce(step.training_id)
        if self._ledger is not None:
            # The earlier try may have died before it could, or a person has handed the training over.
            self._ledger.claim(record.intent_at, step.training_id)
        stands = "is ready" if ending else "is running"
        if situation.cleared:
            self._log.info(
                "The task was cleared; training %s of the same inputs %s and is reused at no cost. To force a new one, set "
                "on_clear='retrain' and clear the task again (that pays for a new training).",
                step.training_id,
                stands,
            )
        else:
            self._log.info(
                "Training %s was started by an earlier try and %s: nothing is paid again.",
                step.training_id,
                stands,
            )
        status = situation.status
        return Secured(
            record, new=False, status=None if isinstance(status, DreamboothNotFoundError) else status
        )

    def _submit(self, step: Submit, request: FineTuneRequest, situation: Situation) -> Secured | Record:
        """Send the paid request. Return the record when the answer was lost."""
        self._wait_for_a_further_send(situation)
        if self._links is not None:
            # Before anything is cancelled or written: pictures that cannot be used leave all as it was.
            request = request.with_images(self._links())
        if step.cancel is not None:
            self.cancel(step.cancel)
        if situation.record is not None and situation.record.training_id is not None:
            # The time that the earlier training took is not to be missing for the new one.
            self._deadline = None if self._timeout is None else self._clock() + self._timeout
        if step.settled and situation.record is not None and self._ledger is not None:
            self._ledger.withdraw(situation.record.intent_at)
        record = Record(
            fingerprint=situation.fingerprint,
            account=situation.account,
            intent_at=self._clock(),
            max_tries=situation.max_tries,
            deadline=self._deadline,
        )
        record = replace(record, known_models=self._known_models(situation, record))
        self._log.info(
            "Starting a new training (%s, %d images) at %s: %s. This costs money.",
            request.endpoint,
            len(request.images),
            situation.account,
            step.why,
        )
        self._store.save(record)
        if self._ledger is not None:
            self._ledger.announce(record.intent_at, record.fingerprint)
        self._sends += 1
        try:
            started = self._hook.fine_tune(request)
        except DreamboothError as error:
            return self._not_started(error, record)
        eta = f", about {messages.duration(started.eta)} by the service's word" if started.eta else ""
        # First of all, so that the id is in the log even if it cannot be recorded.
        self._log.info("Training %s is accepted and paid: %s%s.", started.training_id, started.stage, eta)
        record = record.with_training(started.training_id)
        self._store.save(record)
        self._announce(started.training_id)
        if self._ledger is not None:
            self._ledger.claim(record.intent_at, started.training_id)
        return Secured(record, new=True)

    def _wait_for_a_further_send(self, situation: Situation) -> None:
        record = situation.record
        if record is None or not record.in_doubt:
            return
        if self._sends >= MOST_SENDS:
            raise DreamboothTransientError(
                f"{self._sends} requests for this training went out and every answer was lost. The service may have taken on "
                "some of them. A retry goes on as on_lost_submission says."
            )
        wait = given_up_at(record) + SETTLE_AFTER - self._clock()
        if wait > 0:
            # The service refuses the same request within 30 seconds as a duplicate (documented filter).
            self._sleep(wait)

    def _known_models(self, situation: Situation, record: Record) -> tuple[str, ...] | None:
        if not situation.can_list:
            return None
        try:
            models = tuple(model.model_id for model in self._hook.list_models() if model.model_id)
        except DreamboothRateLimitError as error:
            if situation.record is None:
                # The deadline must outlive the wait for a turn.
                self._store.save(replace(record, ending=Ending.NOT_ACCEPTED, reason=str(error)[:500]))
            raise NotYet(self._turn(error)) from None
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

    def _not_started(self, error: DreamboothError, record: Record) -> Record:
        if error.acceptance is Acceptance.UNKNOWN:
            self._log.warning(
                "The answer to the request was lost: a training may be running, and may be paid. %s", error
            )
            record = replace(record, lost_at=self._clock())
            self._store.save(record)
            return record
        self._store.save(record.ended(Ending.NOT_ACCEPTED, str(error)[:500]))
        if self._ledger is not None:
            self._ledger.withdraw(record.intent_at)
        if isinstance(error, DreamboothRateLimitError):
            raise NotYet(self._turn(error)) from None
        self._log.error("No training was started and nothing was paid.")
        raise error

    def _turn(self, error: DreamboothRateLimitError) -> float:
        # Spread over half as much again, so that a hundred waiting tasks do not ask in the same second.
        delay = max(error.retry_after or TURN_AFTER, 1.0) * random.uniform(1.0, 1.5)
        if self._deadline is not None and self._clock() + delay >= self._deadline:
            raise DreamboothTrainingTimeoutError(
                "The account's queue at the service stayed full until the task's timeout. No training was started and nothing "
                "was paid. A retry waits again; a higher timeout or fewer tasks at a time help."
            ) from None
        self._log.info(
            "The account's queue at the service is full (%s). Waiting my turn: asking again in %s.",
            error.raw,
            messages.duration(delay),
        )
        return delay

    def cancel(self, training_id: str) -> bool:
        """
        Cancel a training that nobody waits for any more, and log what became of it.

        :return: whether the service has confirmed it.
        """
        if not self._hook.environment.has_cancel:
            self._log.warning("Training %s runs on: the sandbox environment has no cancel.", training_id)
            return False
        try:
            self._hook.cancel_training(training_id)
        except DreamboothError as error:
            self._log.warning("Training %s could not be cancelled and may run on: %s", training_id, error)
            return False
        self._log.info("Training %s is cancelled; what was paid for it stays paid.", training_id)
        return True
