# SPDX-License-Identifier: Apache-2.0
"""The sentences about paid trainings: which one, what became of it, what a retry or a clear will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.training.record import RECORD_KEY, Ending, Record, as_text

if TYPE_CHECKING:
    from airflow_provider_dreambooth.exceptions import DreamboothError
    from airflow_provider_dreambooth.training.settlement import Listing

ENDED: dict[Ending | None, str] = {
    None: "has not ended",
    Ending.READY: "is ready",
    Ending.FAILED: "failed",
    Ending.FAILED_PERMANENTLY: "failed for a permanent cause",
    Ending.CANCELLED: "was cancelled",
    Ending.CANCELLED_EXTERNALLY: "was cancelled at the service",
    Ending.NOT_ACCEPTED: "was not accepted",
}


def duration(seconds: float) -> str:
    """Return a span of time as a person says it, such as ``12 min`` or ``1 h 05 min``."""
    if not seconds < 10 * 365 * 86400.0:
        return "years"
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def failed(training_id: str, reason: str | None, *, cause_is_permanent: bool) -> str:
    """Say that a training failed."""
    told = f'The service says: "{reason}".' if reason else "The service gives no reason."
    fix = (
        "The same images would fail again, so there is no retry: fix the inputs and clear the task; that pays for a new one."
        if cause_is_permanent
        else "It is not running any more. A retry or a clear pays for a new training."
    )
    return f"Training {training_id} failed. {told} {fix}"


def cancelled(training_id: str) -> str:
    """Say that a training was cancelled outside this task."""
    return (
        f"Training {training_id} was cancelled at the service, not by this task. It is not running any more, and there is no "
        "retry, since somebody may have meant it. Clear the task to pay for a new one."
    )


def stopped(training_id: str) -> str:
    """Say that a training of the v6 trainer is completed and nothing can be rendered with it."""
    return (
        f"Training {training_id} is completed and the service still offers no inference for it: so ends a training that was "
        "stopped. It is not billed any more, and there is no retry, since somebody may have meant it. Clear the task to pay for "
        "a new one."
    )


def vanished(training_id: str, error: DreamboothError, *, was_ready: bool) -> str:
    """Say that the service no longer knows a training, and what a clear will do."""
    again = (
        f"To train again, delete the entry {RECORD_KEY!r} of this task instance's state in Airflow (or set "
        "on_clear='retrain') and clear the task; that pays for a new one."
        if was_ready
        else "Check the connection first: with the host and the key that started it, a clear re-attaches to it at no cost. If "
        "it is gone, a clear pays for a new one."
    )
    return (
        f"The service does not know training {training_id} ({error.raw or 'not found'}): deleted, or started with another "
        f"key or host. Nothing new was paid. {again}"
    )


def not_listed_yet(training_id: str, error: DreamboothError) -> str:
    """Say that the service does not know a training that it accepted a moment ago."""
    return (
        f"The service does not know training {training_id} yet ({error.raw or 'not found'}), which it accepted less than two "
        "minutes ago. Nothing new was paid. A retry asks again."
    )


def lost_submission(
    record: Record, listing: Listing | None, *, can_list: bool, account: str, same_key: bool
) -> str:
    """
    Say that a paid request was sent and nothing tells whether the service accepted it.

    :param account: where the connection leads now.
    :param same_key: the connection still holds the key that the request was sent with.
    """
    asked = _what_the_list_tells(record, listing, can_list=can_list, account=account, same_key=same_key)
    earlier = ""
    if record.earlier is not None:
        earlier = f" Training {record.earlier.training_id}, which it was to replace, was not touched."
    return (
        f"A request for a training was sent to {record.account or 'the service'} at {as_text(record.intent_at)} and its answer "
        f"was lost: a training may be running, and may be paid. {asked}{earlier} There is no retry, so that nothing is paid "
        "twice. Look into the account at the service. "
        f"If the training is there, put its id into training_id of the entry {RECORD_KEY!r} of this task instance's state in "
        "Airflow and clear the task: it will be taken over at no cost. If it is not, delete that entry and clear the task, or "
        "set on_lost_submission='resubmit': that pays for a new one."
    )


def _what_the_list_tells(
    record: Record, listing: Listing | None, *, can_list: bool, account: str, same_key: bool
) -> str:
    if record.account and record.account != account:
        return f"The connection leads to {account} by now, whose list of models cannot tell."
    if record.training_api == TrainingApi.V6:
        sent = f" Look for training_id or track_id {record.sent_as}." if record.sent_as else ""
        return f"The v6 trainer has no list of trainings by which to find out.{sent}"
    if not can_list:
        return "This environment has no list of trainings by which to find out."
    if not same_key:
        return (
            "The connection holds another key by now, maybe another account's: its list of models is no proof. With the key "
            "that sent the request, a clear asks again."
        )
    if record.known_models is None:
        return "It is not known which models this account had before, so its list cannot tell."
    if listing is None or listing.models is None:
        return "The account's list of models is not available."
    found = listing.candidates(record)
    if found.none:
        return (
            "The account's list shows no new model, which is no proof: "
            + (
                "it does not show trainings"
                if listing.shows_running is False
                else "it has never been seen to show one"
            )
            + " while they are running."
        )
    count = f"{len(found.ids)} new model{'s' if len(found.ids) != 1 else ''}"
    text = f"The account's list shows {count} that may be it: {', '.join(found.ids[:10])}."
    if found.without_id:
        text += f" {found.without_id} more row(s) of the list may be it but name no id."
    if listing.claimed is None:
        text += " Nothing tells whether another task owns them (Airflow older than 3.3, or the request older than a day)."
    elif listing.others_in_doubt:
        text += f" {listing.others_in_doubt} other submission(s) of this account are in doubt as well."
    elif not listing.shows_running:
        text += " The list has never been seen to show a training that is still running, so it may be an older one."
    return text


def lost_id(training_id: str, error: DreamboothError) -> str:
    """Say that a training is paid and its id could not be written down anywhere."""
    return (
        f"Training {training_id} is accepted and paid, but its id could not be stored: {error} The training is still running. "
        f"There is no retry, so that nothing is paid twice. When Airflow's database answers again, put {training_id} into "
        f"training_id of the entry {RECORD_KEY!r} of this task instance's state and clear the task: it will be taken over at no "
        "cost."
    )


def id_in_registry(training_id: str, error: DreamboothError) -> str:
    """Say that a training is paid and its id is stored in the registry of submissions only."""
    return (
        f"Training {training_id} is accepted and paid, but its id could not be written into the task's state: {error} It is kept "
        "in the registry of submissions, from which a retry or a clear reads it and re-attaches at no cost."
    )


def queue_full(earlier: Record | None) -> str:
    """Say what a full queue has to do with the training that is to be replaced; empty without one."""
    if earlier is None or earlier.training_id is None or earlier.ending is not None:
        return ""
    by = TrainingApi(earlier.training_api or TrainingApi.V3).cancel_operator
    return (
        f" Training {earlier.training_id}, which is to be replaced, may hold the last place. It is not cancelled before the new "
        f"one is accepted; to make room, cancel it with {by} or at the service."
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
        fate = (
            "It is still running: the sandbox has no cancel. A retry or a clear re-attaches to it at no cost."
        )
    else:
        fate = "It is still running at the service. A retry or a clear re-attaches to it at no cost."
    return f"Training {training_id} was not ready {span}. {fate}"
