# SPDX-License-Identifier: Apache-2.0
"""Which of the account's models may be the training whose answer was lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_provider_dreambooth.api.results import Model
from airflow_provider_dreambooth.training.record import LONGEST_PROMPT, Record

#: Seconds by which the clocks of the service and of the worker may differ.
CLOCKS_DIFFER = 600.0
#: The same where the service's time names no time zone.
NO_TIME_ZONE = 15 * 3600.0


@dataclass(frozen=True)
class Candidates:
    """
    Models that may be the lost training.

    :param ids: their ids.
    :param without_id: rows that may be it as well but name no id.
    """

    ids: tuple[str, ...]
    without_id: int = 0

    @property
    def none(self) -> bool:
        """Whether there is none at all."""
        return not self.ids and not self.without_id

    @property
    def only(self) -> str | None:
        """The id, when there is exactly one and no row without an id."""
        return self.ids[0] if len(self.ids) == 1 and not self.without_id else None


@dataclass(frozen=True)
class Listing:
    """
    The account's models after a lost answer.

    :param models: the rows, ``None`` when the list was not available.
    :param claimed: ids that other records own, ``None`` when that cannot be known (Airflow below 3.3).
    :param others_in_doubt: other submissions to this account whose id nobody knows yet.
    :param shows_running: the list is known to show trainings that are still running; ``None`` when that was never seen.
    """

    models: tuple[Model, ...] | None
    claimed: frozenset[str] | None = None
    others_in_doubt: int = 0
    shows_running: bool | None = None

    def candidates(self, record: Record) -> Candidates:
        """
        Return the models that may be the record's.

        :param record: a request whose answer was lost.
        """
        not_it = {*(record.known_models or ()), *(self.claimed or ())}
        if record.earlier is not None and record.earlier.training_id is not None:
            not_it.add(record.earlier.training_id)
        rows = [
            model
            for model in self.models or ()
            if model.model_id not in not_it
            and not is_older(model.created_at, record.intent_at)
            and not is_other_prompt(model.instance_prompt, record.instance_prompt)
        ]
        ids = dict.fromkeys(model.model_id for model in rows if model.model_id is not None)
        return Candidates(tuple(ids), sum(model.model_id is None for model in rows))


def is_older(created_at: str | None, intent_at: float) -> bool:
    """
    Return whether a row is certainly older than the request.

    :param created_at: the service's own text; one that cannot be read proves nothing.
    :param intent_at: when the request was about to be sent, epoch seconds.
    """
    try:
        moment = datetime.fromisoformat(created_at or "")
    except ValueError:
        return False
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC).timestamp() < intent_at - NO_TIME_ZONE
    return moment.timestamp() < intent_at - CLOCKS_DIFFER


def is_other_prompt(listed: str | None, sent: str | None) -> bool:
    """
    Return whether a row certainly belongs to another prompt.

    A service may trim, shorten or re-write a prompt, so only letters and digits count, and the beginning is enough.

    :param listed: the row's prompt, ``None`` when it shows none.
    :param sent: the prompt that was sent, ``None`` when it is not known.
    """
    if not listed or not sent:
        return False
    theirs, ours = _letters(listed), _letters(sent)
    return not (theirs.startswith(ours) or ours.startswith(theirs))


def _letters(text: str) -> str:
    return "".join(character for character in text[: 2 * LONGEST_PROMPT].casefold() if character.isalnum())
