"""What to do next about a paid training: one plain function over everything that is known.

The table, first match counts. *changed* means other inputs or another account than the record's; *cleared*
means that a user cleared the task since the record was written.

=====================================================  ==========================================================
known                                                  next
=====================================================  ==========================================================
no record                                              submit
the last request was not accepted                      submit
request out, no id, cleared with ``retrain``           submit (the user asked for a new one)
request out, no id, model list of the same account     ask it, 30 s after the answer was given up, then:
  no new model                                         submit
  one new model, claimed by nobody, nobody in doubt    adopt it; the next look treats it like any known id
  anything else                                        ``on_lost_submission``
request out, no id, no such list                       ``on_lost_submission``: ``fail`` or ``resubmit``
id known, other account                                submit (the old one cannot be reached from here)
id known, ended, changed or ``retrain``                submit
id known, failed, retry                                submit; fail if the cause is permanent
id known, failed or cancelled, cleared                 submit
id known, cancelled by a timeout, retry                submit
id known, cancelled by somebody else, retry            fail: it was cancelled on purpose
id known, else                                         ask its status, then:
  running, changed or cleared with ``retrain``         cancel it, submit
  running                                              wait for it
  ready, changed or cleared with ``retrain``           submit
  ready                                                finished, nothing to pay
  failed                                               submit; on a retry, fail if the cause is permanent
  cancelled, cleared or changed                        submit
  cancelled by somebody else, retry                    fail: it was cancelled on purpose
  unknown to the service, changed or ``retrain``       submit
  unknown to the service, cleared, never seen ready    submit
  unknown to the service                               fail: say how to go on
=====================================================  ==========================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
)
from airflow_provider_dreambooth.training import messages
from airflow_provider_dreambooth.training.record import Ending, Record

#: A list asked earlier could miss a request that the service is still taking on; and the same request within
#: 30 s would be refused as a duplicate anyway (documented filter).
SETTLE_AFTER = 30.0

OnLost = Literal["fail", "resubmit"]
OnClear = Literal["reuse", "retrain"]


@dataclass(frozen=True)
class Submit:
    """
    Pay for a new training.

    :param why: for the log.
    :param cancel: the running training that it replaces.
    :param settled: the record's own request is known to have left nothing, and is nobody's doubt any more.
    """

    why: str
    cancel: str | None = None
    settled: bool = False


@dataclass(frozen=True)
class AskStatus:
    """Ask the service how the recorded training stands."""

    training_id: str


@dataclass(frozen=True)
class AskModels:
    """Ask for the account's models, not before that time (epoch seconds)."""

    not_before: float


@dataclass(frozen=True)
class Adopt:
    """Take this training for the one whose answer was lost."""

    training_id: str


@dataclass(frozen=True)
class Wait:
    """The recorded training is running: nothing to pay."""

    training_id: str
    status: FineTuneStatus


@dataclass(frozen=True)
class Finished:
    """The recorded training is ready: nothing to pay."""

    training_id: str


@dataclass(frozen=True)
class GiveUp:
    """End the task with this error and without a retry."""

    error: DreamboothError


Step = Submit | AskStatus | AskModels | Adopt | Wait | Finished | GiveUp


@dataclass(frozen=True)
class Listing:
    """
    The account's models after a lost answer.

    :param models: their ids, ``None`` when the list could not be had.
    :param claimed: ids that other records own, ``None`` when that cannot be known (Airflow below 3.3).
    :param others_in_doubt: other submissions to this account whose id nobody knows yet.
    """

    models: frozenset[str] | None
    claimed: frozenset[str] | None = None
    others_in_doubt: int = 0


@dataclass(frozen=True)
class Situation:
    """
    Everything that the decision hangs on.

    :param record: what earlier tries left, ``None`` for nothing.
    :param fingerprint: digest of the present inputs.
    :param account: where the present connection leads.
    :param max_tries: Airflow's number; another one than the record's means that a user cleared the task.
    :param can_list: the environment has a list of models.
    :param status: the service's answer about the recorded training, once asked.
    :param listing: the account's models, once asked.
    """

    record: Record | None
    fingerprint: str
    account: str
    max_tries: int
    can_list: bool
    on_lost_submission: OnLost = "fail"
    on_clear: OnClear = "reuse"
    status: FineTuneStatus | DreamboothNotFoundError | None = None
    listing: Listing | None = None

    @property
    def cleared(self) -> bool:
        """Whether a user cleared the task since the record was written."""
        return self.record is not None and self.record.max_tries != self.max_tries

    @property
    def retrain(self) -> bool:
        """Whether a user asked for a new training by clearing the task."""
        return self.cleared and self.on_clear == "retrain"

    @property
    def changed(self) -> bool:
        """Whether the inputs are other ones than the record's."""
        # A record that a person wrote by hand to hand over a training may leave the fingerprint out.
        return bool(self.record and self.record.fingerprint) and self.record.fingerprint != self.fingerprint  # type: ignore[union-attr]


def decide(situation: Situation) -> Step:
    """Return what to do next. After :class:`AskStatus` and :class:`AskModels`, ask again with the answer."""
    record = situation.record
    if record is None:
        return Submit("this is the first try")
    if record.training_id is None:
        if record.ending is not None:
            return Submit("the request of the last try was not accepted, so nothing was paid")
        return _settle(situation, record)
    if record.account and record.account != situation.account:
        return Submit(
            f"the connection now leads to {situation.account}; training {record.training_id} is at {record.account} "
            "and is left as it is"
        )
    if record.ending is not None and record.ending is not Ending.READY:
        return _after_bad_ending(situation, record, record.training_id)
    if situation.status is None:
        if record.ending is Ending.READY and (situation.changed or situation.retrain):
            return Submit(_why_new(situation, record.training_id))
        return AskStatus(record.training_id)
    return _with_status(situation, record, record.training_id)


def _why_new(situation: Situation, training_id: str) -> str:
    if situation.retrain:
        return f"the task was cleared and on_clear='retrain' asks for a new one in place of training {training_id}"
    return f"the inputs changed since training {training_id} was started"


def _settle(situation: Situation, record: Record) -> Step:
    """Decide about a request that went out and whose answer was lost."""
    if situation.retrain:
        return Submit("the task was cleared and on_clear='retrain' asks for a new one")
    same_account = not record.account or record.account == situation.account
    if situation.can_list and same_account and record.known_models is not None:
        if situation.listing is None:
            return AskModels(not_before=given_up_at(record) + SETTLE_AFTER)
        listing = situation.listing
        if listing.models is not None:
            new = listing.models - set(record.known_models) - (listing.claimed or frozenset())
            if not new:
                return Submit(
                    "the lost request of an earlier try left no new model in the account, so nothing was paid",
                    settled=True,
                )
            if len(new) == 1 and listing.claimed is not None and not listing.others_in_doubt:
                return Adopt(next(iter(new)))
    if situation.on_lost_submission == "resubmit":
        return Submit(
            "the answer to an earlier request was lost and on_lost_submission='resubmit' asks for a new one"
        )
    text = messages.lost_submission(record, situation.listing, can_list=situation.can_list)
    return GiveUp(DreamboothLostSubmissionError(text))


def given_up_at(record: Record) -> float:
    """Return when nobody waited for the answer any more, as far as is known, in epoch seconds."""
    # A request that timed out went out long before: the service may have taken it on at the last moment.
    return record.intent_at if record.lost_at is None else max(record.intent_at, record.lost_at)


def _after_bad_ending(situation: Situation, record: Record, training_id: str) -> Step:
    if situation.cleared or situation.changed:
        return Submit(f"training {training_id} {messages.ENDED[record.ending]}")
    if record.ending is Ending.FAILED_FOR_GOOD:
        return GiveUp(_failed_for_good(training_id, record.reason))
    if record.ending is Ending.CANCELLED_ELSEWHERE:
        return GiveUp(_cancelled(training_id))
    return Submit(f"training {training_id} {messages.ENDED[record.ending]}")


def _failed_for_good(training_id: str, reason: str | None) -> DreamboothTrainingFailedError:
    return DreamboothTrainingFailedError(
        messages.failed(training_id, reason, cause_is_permanent=True),
        training_id=training_id,
        cause_is_permanent=True,
    )


def _cancelled(training_id: str) -> DreamboothTrainingFailedError:
    return DreamboothTrainingFailedError(
        messages.cancelled(training_id), training_id=training_id, cause_is_permanent=True
    )


def _with_status(situation: Situation, record: Record, training_id: str) -> Step:
    """Decide about a training whose id is known, by what the service says of it."""
    status = situation.status
    new = situation.changed or situation.retrain
    if isinstance(status, DreamboothNotFoundError):
        if new or (situation.cleared and record.ending is not Ending.READY):
            return Submit(f"the service no longer knows training {training_id}")
        return GiveUp(
            DreamboothNotFoundError(
                messages.vanished(training_id, status, was_ready=record.ending is Ending.READY),
                training_id=training_id,
            )
        )
    assert status is not None
    if status.outcome is Outcome.RUNNING:
        if new:
            return Submit(_why_new(situation, training_id), cancel=training_id)
        return Wait(training_id, status)
    if status.outcome is Outcome.READY:
        return Submit(_why_new(situation, training_id)) if new else Finished(training_id)
    if new or situation.cleared:
        return Submit(
            f"training {training_id} {'failed' if status.outcome is Outcome.FAILED else 'was cancelled'}"
        )
    if status.outcome is Outcome.FAILED:
        if status.cause_is_permanent:
            return GiveUp(_failed_for_good(training_id, status.reason))
        return Submit(f"training {training_id} failed ({status.reason})")
    return GiveUp(_cancelled(training_id))
