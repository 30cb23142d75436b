# SPDX-License-Identifier: Apache-2.0
"""Carrying out the decision about a paid training: the questions, the answers, and what follows from them.

:mod:`airflow_provider_dreambooth.training.decision` decides, :mod:`airflow_provider_dreambooth.training.paid_request`
pays; here is what it takes to follow the one to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
)
from airflow_provider_dreambooth.training import cancellation, key_digest, messages
from airflow_provider_dreambooth.training.decision import Situation, cancel_earlier, decide
from airflow_provider_dreambooth.training.paid_request import PaidRequest
from airflow_provider_dreambooth.training.record import Ending, Record
from airflow_provider_dreambooth.training.registry import KNOWN_FOR
from airflow_provider_dreambooth.training.settlement import Listing
from airflow_provider_dreambooth.training.steps import (
    Adopt,
    AskModels,
    AskStatus,
    CancelEarlier,
    Fail,
    Finished,
    PutBack,
    Submit,
    Wait,
)

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.results import FineTuneStatus
    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.bookkeeping import Bookkeeping
    from airflow_provider_dreambooth.training.list_evidence import ListEvidence

#: New models of which the status is asked to learn whether the list shows running trainings.
MOST_ASKED = 3


@dataclass(frozen=True)
class Secured:
    """
    A training that is paid, recorded and known.

    :param record: its record.
    :param status: its status, when the service was asked.
    :param cancelled: id of the training that it has replaced, when this try has cancelled that.
    """

    record: Record
    status: FineTuneStatus | None = None
    cancelled: str | None = None

    @property
    def training_id(self) -> str:
        """The training's id."""
        assert self.record.training_id is not None
        return self.record.training_id


class Submission:
    """
    One task instance's way to its training.

    :param hook: carries the calls.
    :param books: where it is written what became of the training.
    :param evidence: whether the account's list shows running trainings.
    :param deadline: when waiting ends, written into the record.
    :param timeout: as for :class:`~airflow_provider_dreambooth.training.paid_request.PaidRequest`; so is ``links``.
    """

    def __init__(
        self,
        *,
        hook: DreamboothHook,
        books: Bookkeeping,
        evidence: ListEvidence,
        deadline: float | None,
        timeout: float | None,
        links: Callable[[], Sequence[str]],
    ) -> None:
        self._hook = hook
        self._books = books
        self._registry = books.registry
        self._log = books.log
        self._clock = books.clock
        self._paid_request = PaidRequest(
            hook=hook, books=books, deadline=deadline, timeout=timeout, links=links
        )
        self._evidence = evidence
        self._deadline = deadline
        self._cancelled: str | None = None

    def secure(self, request: TrainingRequest, situation: Situation) -> Secured:
        """
        Return the one training of this request: found again, or paid for now.

        :param request: what to train.
        :param situation: what is known; its record is what the store holds.
        :raises QueueFull: the account's queue is full.
        :raises DreamboothError: nothing can be done in this try.
        """
        situation = self._with_record(situation, self._id_from_registry(situation.record))
        while True:
            step, record = decide(situation), situation.record
            if isinstance(step, Submit):
                paid = self._submit(step, request, situation)
                if paid.training_id is not None:
                    return Secured(paid, cancelled=self._cancelled)
                situation = self._with_record(situation, paid)
                continue
            # All else is about a request that was sent before.
            assert record is not None
            if isinstance(step, AskStatus):
                status = self._ask_status(step.training_id, record)
                situation = replace(situation, status=status, now=self._clock())
            elif isinstance(step, AskModels):
                situation = replace(situation, listing=self._ask_models(step.not_before, record))
            elif isinstance(step, Adopt):
                situation = self._with_record(situation, self._adopt(step, record))
            elif isinstance(step, PutBack):
                situation = self._with_record(situation, self._put_back(step, record))
            elif isinstance(step, CancelEarlier):
                situation = self._with_record(situation, self._end_earlier(step, record))
            elif isinstance(step, (Wait, Finished)):
                return self._re_attach(step, record, situation)
            else:
                self._leave_in_doubt(step, record)
                raise step.error

    def _with_record(self, situation: Situation, record: Record | None) -> Situation:
        """Return the situation with another record, about which nothing has been asked yet."""
        settings = self._hook.settings
        records = [item for item in (record, record and record.earlier) if item is not None]
        digests = {item.key_digest for item in records if item.key_digest is not None}
        return replace(
            situation,
            record=record,
            own_digests=frozenset(digest for digest in digests if key_digest.is_of(digest, settings)),
            status=None,
            listing=None,
        )

    def _id_from_registry(self, record: Record | None) -> Record | None:
        """An earlier try that could not write the id into the record may have left it in the registry."""
        if record is None or not record.in_doubt or self._registry is None:
            return record
        training_id = self._registry.training_of(record)
        if training_id is None:
            return record
        self._log.info(
            "The id of training %s, which an earlier try has paid, is taken from the registry of submissions.",
            training_id,
        )
        found = record.with_training(training_id)
        self._books.replace(record, found)
        return found

    def _leave_in_doubt(self, step: Fail, record: Record) -> None:
        """A person may delete the record of a lost submission; to others it stays in doubt, and the cap counts it."""
        if isinstance(step.error, DreamboothLostSubmissionError) and self._registry is not None:
            self._registry.give_up(record)

    def _ask_status(self, training_id: str, record: Record) -> FineTuneStatus | DreamboothNotFoundError:
        try:
            return self._hook.of_training_api(record.training_api).fine_tune_status(training_id)
        except DreamboothNotFoundError as error:
            return error
        except DreamboothError as error:
            error.add(
                f"Training {training_id} was not touched, and nothing new was paid: a retry or a clear re-attaches to it."
            )
            raise

    def _ask_models(self, not_before: float, record: Record) -> Listing:
        wait = not_before - self._clock()
        if wait > 0:
            self._log.info(
                "Asking for the account's models in %s, when the lost request must have shown.",
                messages.duration(wait),
            )
            self._books.sleep(wait)
        try:
            models = self._hook.list_models()
        except DreamboothNotFoundError as error:
            self._log.warning("The service has no list of the account's models: %s", error)
            return Listing(models=None)
        except DreamboothError as error:
            # A transient error must not make a lost submission of what the list can settle later.
            error.add(
                "So it is still unknown whether the request of an earlier try was accepted, and nothing new was sent. "
                "A retry or a clear asks again."
            )
            raise
        listing = Listing(models=models, shows_running=self._evidence.shows_running())
        if self._registry is not None and self._clock() - record.intent_at <= KNOWN_FOR:
            settings = self._hook.settings
            claimed, in_doubt = self._registry.others(
                record, same_key=lambda digest: key_digest.is_of(digest, settings)
            )
            listing = replace(listing, claimed=claimed, others_in_doubt=in_doubt)
        if not listing.shows_running and self._one_is_running(listing.candidates(record).ids, record):
            listing = replace(listing, shows_running=True)
        return listing

    def _one_is_running(self, training_ids: tuple[str, ...], record: Record) -> bool:
        """Whether the list shows one of these while it is running, which is all the evidence that is needed."""
        for training_id in training_ids[:MOST_ASKED]:
            status = self._ask_status(training_id, record)
            if not isinstance(status, DreamboothNotFoundError) and status.outcome is Outcome.RUNNING:
                return True
        return False

    def _adopt(self, step: Adopt, record: Record) -> Record:
        adopted = record.with_training(step.training_id, adopted=True)
        self._books.replace(record, adopted)
        self._books.claim(adopted)
        self._log.warning(
            "The answer to the request of this task was lost. Training %s is the only new one in the account since then and "
            "nobody else's: it is taken over, nothing is paid twice. Since this is an inference, it is never cancelled.",
            step.training_id,
        )
        return adopted

    def _put_back(self, step: PutBack, record: Record) -> Record:
        self._log.warning("Going on with training %s: %s.", step.record.training_id, step.why)
        self._books.replace(record, step.record)
        if self._registry is not None:
            (self._registry.withdraw if step.settled else self._registry.give_up)(record)
        return step.record

    def _re_attach(self, step: Wait | Finished, record: Record, situation: Situation) -> Secured:
        ending = Ending.READY if isinstance(step, Finished) else None
        record = replace(
            record,
            max_tries=situation.max_tries,
            try_number=situation.try_number,
            fingerprint=situation.fingerprint,
            account=record.account or situation.account,
            deadline=self._deadline,
            ending=ending,
            reason=None,
            queued_until=None,
        )
        self._books.replace(situation.record, record)
        self._books.announce(step.training_id)
        # The earlier try may have died before it could, or a person has handed the training over.
        self._books.claim(record)
        state = "is ready" if ending else "is running"
        if situation.cleared:
            self._log.info(
                "The task was cleared; training %s of the same inputs %s and is reused at no cost. To force a new one, set "
                "on_clear='retrain' and clear the task again (that pays for a new training).",
                step.training_id,
                state,
            )
        else:
            self._log.info(
                "Re-attached to training %s: it %s, and nothing is paid again.",
                step.training_id,
                state,
            )
        status = None if isinstance(situation.status, DreamboothNotFoundError) else situation.status
        return Secured(record, status=status, cancelled=self._cancelled)

    def _submit(self, step: Submit, request: TrainingRequest, situation: Situation) -> Record:
        """Pay. Return the record, in doubt when the answer was lost."""
        record = self._paid_request.send(step, request, situation)
        if record.training_id is None or record.earlier is None:
            return record
        step_after = cancel_earlier(
            self._with_record(situation, record), record.earlier, replaced_by=record.training_id
        )
        return self._end_earlier(step_after, record)

    def _end_earlier(self, step: CancelEarlier, record: Record) -> Record:
        """Cancel the training that was replaced, only now that the new one is accepted and recorded."""
        if step.left_running is None:
            # Another try may have gone back to it.
            self._books.check_taken_over(record)
            why = f"training {record.training_id} replaces it"
            api = None if record.earlier is None else record.earlier.training_api
            hook = self._hook.of_training_api(api)
            result = cancellation.cancel(hook, step.training_id, why=why)
            result.report(self._log)
            if result.fate is cancellation.Fate.CANCELLED:
                self._cancelled = step.training_id
        else:
            self._log.info(
                "Training %s, which was replaced, is not cancelled: %s.", step.training_id, step.left_running
            )
        self._books.check_taken_over(record)
        record = replace(record, earlier=None)
        self._books.store.save(record)
        return record
