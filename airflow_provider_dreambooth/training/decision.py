# SPDX-License-Identifier: Apache-2.0
"""What to do next about a paid training: one plain function over everything that is known.

The table, first match counts. *changed* means other inputs than the record's; *cleared* means that a user cleared
the task since the record was written; *moved* means that the connection leads to another host or environment than
the record's. The *earlier* training is the one that the record's request is to replace.

=====================================================  ==========================================================
known                                                  next
=====================================================  ==========================================================
no record                                              submit
the last request was not accepted                      submit
request out, no id, cleared with ``retrain``           submit (the user asked for a new one)
request out, no id, the earlier's inputs again         put the earlier one's record back, decide about that
request out, no id, list of the same account and key   ask it, 30 s after the answer was given up, then:
  it shows running trainings, no new one               nothing was paid: submit, or put the earlier record back
  it shows running trainings, one new, nobody else's   adopt it; from then on it is a known id, never cancelled
  anything else                                        ``on_lost_submission``
request out, no id, no such list                       ``on_lost_submission``: ``fail`` or ``resubmit``
id known, the earlier one is still in the record       cancel that, if it is certainly ours, still running, and
                                                       of other inputs or replaced by a clear with ``retrain``
id known, ended, changed or ``retrain``                submit
id known, failed, retry                                submit; fail if the cause is permanent
id known, failed or cancelled, cleared                 submit
id known, cancelled by a timeout, retry                submit
id known, cancelled externally, retry                  fail: it was cancelled on purpose
id known, else                                         ask its status, moved or not, then:
  running, changed or cleared with ``retrain``         submit; it is cancelled when the new one is accepted
  running                                              wait for it
  ready, changed or cleared with ``retrain``           submit
  ready                                                finished, nothing to pay
  failed                                               submit; on a retry, fail if the cause is permanent
  cancelled, cleared or changed                        submit
  cancelled externally, retry                          fail: it was cancelled on purpose
  not found, requested less than two minutes ago       a transient error: the service lags
  not found, changed or ``retrain``                    submit
  not found, cleared, never seen ready or moved        submit
  not found                                            fail: say how to go on
=====================================================  ==========================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.training import messages
from airflow_provider_dreambooth.training.record import Ending, Record
from airflow_provider_dreambooth.training.settlement import Listing
from airflow_provider_dreambooth.training.steps import (
    Adopt,
    AskModels,
    AskStatus,
    CancelEarlier,
    Fail,
    Finished,
    PutBack,
    Step,
    Submit,
    Wait,
)

#: A list asked earlier could miss a request that the service is still accepting; and the same request within
#: 30 s would be refused as a duplicate anyway (documented filter).
SETTLE_AFTER = 30.0
#: Seconds after the request in which *not found* proves nothing: the service may answer from a copy that lags.
LAGS_FOR = 120.0

OnLost = Literal["fail", "resubmit"]
OnClear = Literal["reuse", "retrain"]


@dataclass(frozen=True)
class Situation:
    """
    Everything that the decision hangs on.

    :param record: what earlier tries left, ``None`` for nothing.
    :param fingerprint: digest of the present inputs.
    :param account: where the present connection leads.
    :param max_tries: Airflow's number; another one than the record's means that a user cleared the task.
    :param try_number: Airflow's number of this try.
    :param can_list: the environment has a list of models.
    :param now: epoch seconds.
    :param own_digests: the record's key digests that were made from the connection's present key.
    :param status: the service's answer about the recorded training, once asked.
    :param listing: the account's models, once asked.
    """

    record: Record | None
    fingerprint: str
    account: str
    max_tries: int
    can_list: bool
    now: float
    try_number: int | None = None
    own_digests: frozenset[str] = frozenset()
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

    def moved(self, record: Record) -> bool:
        """Whether the connection leads elsewhere than where the record's request was sent."""
        return bool(record.account) and record.account != self.account

    def same_key(self, record: Record) -> bool:
        """Whether the connection holds the key that the record's request was sent with."""
        return record.key_digest in self.own_digests


def decide(situation: Situation) -> Step:
    """Return what to do next. After each question and each change of the record, ask again."""
    record = situation.record
    if record is None:
        return Submit("this is the first try")
    if record.training_id is None:
        if record.ending is not None:
            return Submit("the request of the last try was not accepted, so nothing was paid")
        return _settle(situation, record)
    if record.earlier is not None:
        return cancel_earlier(situation, record.earlier, replaced_by=record.training_id)
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


def cancel_earlier(situation: Situation, earlier: Record, *, replaced_by: str) -> CancelEarlier:
    """
    Return whether the training that was replaced may be cancelled. When in doubt it is left running.

    :param earlier: its record.
    :param replaced_by: the new training.
    """
    record = situation.record
    assert earlier.training_id is not None
    assert record is not None
    by_a_person = situation.on_clear == "retrain" and earlier.max_tries != record.max_tries
    left_running = None
    if earlier.training_id == replaced_by:
        left_running = "it is the one that the task is about"
    elif earlier.ending is not None:
        left_running = f"it {messages.ENDED[earlier.ending]}"
    elif earlier.adopted:
        left_running = "it was adopted after a lost answer and may be somebody else's"
    elif not situation.same_key(earlier):
        left_running = "it was started with another key than the connection's present one"
    elif earlier.fingerprint == record.fingerprint and not by_a_person:
        left_running = "it had ended, or the service did not know it, when the new one was started"
    return CancelEarlier(earlier.training_id, left_running)


def _settle(situation: Situation, record: Record) -> Step:
    """Decide about a request that may have been sent and whose answer was lost."""
    if situation.retrain:
        return Submit("the task was cleared and on_clear='retrain' asks for a new one")
    earlier = record.earlier
    if earlier is not None and situation.changed and earlier.fingerprint == situation.fingerprint:
        return PutBack(
            earlier,
            f"the inputs are those of training {earlier.training_id} again. The answer to the request that was to replace "
            "it was lost: a training of the other inputs may be running that nobody waits for",
            settled=False,
        )
    if (
        situation.can_list
        and record.known_models is not None
        and not situation.moved(record)
        and situation.same_key(record)
    ):
        if situation.listing is None:
            return AskModels(not_before=record.given_up_at + SETTLE_AFTER)
        step = _by_the_list(situation.listing, record)
        if step is not None:
            return step
    if situation.on_lost_submission == "resubmit":
        return Submit(
            "the answer to an earlier request was lost and on_lost_submission='resubmit' asks for a new one"
        )
    text = messages.lost_submission(
        record,
        situation.listing,
        can_list=situation.can_list,
        account=situation.account,
        same_key=situation.same_key(record),
    )
    return Fail(DreamboothLostSubmissionError(text))


def _by_the_list(listing: Listing, record: Record) -> Step | None:
    """Decide by the account's models; ``None`` when they are no proof."""
    if listing.models is None or not listing.shows_running:
        return None
    found = listing.candidates(record)
    if found.none:
        why = "the lost request left no new model in the account, so nothing was paid"
        return Submit(why, settled=True) if record.earlier is None else PutBack(record.earlier, why, True)
    if found.only is not None and listing.claimed is not None and not listing.others_in_doubt:
        return Adopt(found.only)
    return None


def _after_bad_ending(situation: Situation, record: Record, training_id: str) -> Step:
    if situation.cleared or situation.changed:
        return Submit(f"training {training_id} {messages.ENDED[record.ending]}")
    if record.ending is Ending.FAILED_PERMANENTLY:
        return _failed_permanently(training_id, record.reason)
    if record.ending is Ending.CANCELLED_EXTERNALLY:
        return _cancelled(training_id)
    return Submit(f"training {training_id} {messages.ENDED[record.ending]}")


def _failed_permanently(training_id: str, reason: str | None) -> Fail:
    return _without_retry(training_id, messages.failed(training_id, reason, cause_is_permanent=True))


def _cancelled(training_id: str) -> Fail:
    return _without_retry(training_id, messages.cancelled(training_id))


def _without_retry(training_id: str, text: str) -> Fail:
    return Fail(DreamboothTrainingFailedError(text, training_id=training_id, cause_is_permanent=True))


def _with_status(situation: Situation, record: Record, training_id: str) -> Step:
    """Decide about a training whose id is known, by what the service says of it."""
    status = situation.status
    new = situation.changed or situation.retrain
    if isinstance(status, DreamboothNotFoundError):
        return _not_found(situation, record, training_id, status)
    assert status is not None
    if status.outcome is Outcome.RUNNING:
        return Submit(_why_new(situation, training_id)) if new else Wait(training_id, status)
    if status.outcome is Outcome.READY:
        return Submit(_why_new(situation, training_id)) if new else Finished(training_id)
    if new or situation.cleared:
        return Submit(
            f"training {training_id} {'failed' if status.outcome is Outcome.FAILED else 'was cancelled'}"
        )
    if status.outcome is Outcome.FAILED:
        if status.cause_is_permanent:
            return _failed_permanently(training_id, status.reason)
        return Submit(f"training {training_id} failed ({status.reason})")
    return _cancelled(training_id)


def _not_found(
    situation: Situation, record: Record, training_id: str, error: DreamboothNotFoundError
) -> Step:
    was_ready = record.ending is Ending.READY
    if not was_ready and situation.now - record.intent_at < LAGS_FOR:
        return Fail(
            DreamboothTransientError(messages.not_listed_yet(training_id, error), training_id=training_id)
        )
    if situation.changed or situation.retrain:
        return Submit(f"the service does not know training {training_id} any more")
    if situation.cleared and (not was_ready or situation.moved(record)):
        return Submit(f"the service does not know training {training_id} any more and the task was cleared")
    text = messages.vanished(training_id, error, was_ready=was_ready and not situation.moved(record))
    return Fail(DreamboothNotFoundError(text, training_id=training_id))
