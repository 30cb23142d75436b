"""The sentences about paid trainings: which one, what became of it, what a retry or a clear will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_dreambooth.training.record import RECORD_KEY, Ending, Record, _text

if TYPE_CHECKING:
    from airflow_provider_dreambooth.exceptions import DreamboothError
    from airflow_provider_dreambooth.training.decision import Listing

ENDED: dict[Ending | None, str] = {
    None: "is under way",
    Ending.READY: "is ready",
    Ending.FAILED: "failed",
    Ending.FAILED_FOR_GOOD: "failed for a cause that stays",
    Ending.CANCELLED: "was cancelled",
    Ending.CANCELLED_ELSEWHERE: "was cancelled by somebody else",
    Ending.NOT_ACCEPTED: "was not accepted",
}


def duration(seconds: float) -> str:
    """Return a span of time as a person says it, such as ``12 min`` or ``1 h 05 min``."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def failed(training_id: str, reason: str | None, *, cause_is_permanent: bool) -> str:
    """Say that a training failed."""
    told = f'The service says: "{reason}".' if reason else "The service gives no reason."
    mend = (
        "The same images would fail again, so there is no retry: mend the inputs and clear the task; that pays for a new one."
        if cause_is_permanent
        else "It does not run on. A retry or a clear pays for a new training."
    )
    return f"Training {training_id} failed. {told} {mend}"


def cancelled(training_id: str) -> str:
    """Say that somebody cancelled a training outside this task."""
    return (
        f"Training {training_id} was cancelled at the service, not by this task. It does not run on, and there is no retry, "
        "since somebody may have meant it. Clear the task to pay for a new one."
    )


def vanished(training_id: str, error: DreamboothError, *, was_ready: bool) -> str:
    """Say that the service no longer knows a training, and what a clear will do."""
    again = (
        f"To train again, delete the entry {RECORD_KEY!r} of this task instance's state in Airflow (or set "
        "on_clear='retrain') and clear the task; that pays for a new one."
        if was_ready
        else "Check the connection first: with the key that started it, a clear takes it up again at no cost. If it is "
        "gone for good, a clear pays for a new one."
    )
    return (
        f"The service does not know training {training_id} any more ({error.raw or 'not found'}): deleted, or started with "
        f"another key. Nothing new was paid. {again}"
    )


def lost_submission(record: Record, listing: Listing | None, *, can_list: bool) -> str:
    """Say that a paid request went out and nothing tells whether the service took it on."""
    if listing is None and not can_list:
        looked = "This environment has no list of trainings by which to find out."
    elif listing is None:
        looked = "It is not known which models this account had before, so its list cannot tell."
    elif listing.models is None:
        looked = "The account's list of models could not be read."
    else:
        new = sorted(listing.models - set(record.known_models or ()) - (listing.claimed or frozenset()))
        count = f"{len(new)} new model{'s' if len(new) != 1 else ''}"
        looked = f"The account's list shows {count} that may be it: {', '.join(new[:10])}."
        if listing.claimed is None:
            looked += " Nobody can tell whether another task owns them (Airflow older than 3.3, or the request older than a day)."
        elif listing.others_in_doubt:
            looked += f" {listing.others_in_doubt} other submission(s) of this account are in doubt as well."
    return (
        f"A request for a training went out to {record.account or 'the service'} at {_text(record.intent_at)} and its answer "
        f"was lost: a training may be running, and may be paid. {looked} There is no retry, so that nothing is paid twice. "
        "Look into the account at the service. "
        f"If the training is there, put its id into training_id of the entry {RECORD_KEY!r} of this task instance's state in "
        "Airflow and clear the task: it will be taken over at no cost. If it is not, delete that entry and clear the task, or "
        "set on_lost_submission='resubmit': that pays for a new one."
    )


def next_step(status: str, *, cause_is_permanent: bool) -> str | None:
    """
    Say what a person can do after a wait that did not end well.

    :param status: how the wait ended, as in :class:`~airflow_provider_dreambooth.training.event.WaitEnded`.
    :param cause_is_permanent: the same inputs would fail again.
    """
    if status == "failed":
        fix = (
            "Fix the inputs, then clear the training task"
            if cause_is_permanent
            else "Retry or clear the training task"
        )
        return f"{fix}; that pays for a new training."
    return {
        "cancelled": "Clear the training task to pay for a new training.",
        "timeout": "Clear the task; a training that is still running is re-attached at no cost.",
        "error": "Fix the cause and clear the task; a training that is still running is re-attached at no cost.",
    }.get(status)


def timed_out(
    training_id: str, *, waited: float | None, cancelled_it: bool, environment_can_cancel: bool
) -> str:
    """Say that the model was not ready in time."""
    span = "in time" if waited is None else f"within {duration(waited)}"
    if cancelled_it:
        fate = "It was cancelled (cancel_on_timeout). A retry or a clear pays for a new one."
    elif not environment_can_cancel:
        fate = "It runs on: the sandbox has no cancel. A retry or a clear takes it up again at no cost."
    else:
        fate = "It runs on at the service. A retry or a clear takes it up again at no cost."
    return f"Training {training_id} was not ready {span}. {fate}"
