"""The durable record of one paid submission.

It is written before the request goes out (the intent), when the id is known, and at the end. It is JSON that
a person can read and edit in Airflow: to hand over a training whose answer was lost, put its id into
``training_id``; to force a new one, delete the entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothValidationError

#: Name of the entry in Airflow's task state store.
RECORD_KEY = "dreambooth_training"
_VERSION = 1
#: More models than this are not kept in a record (the state store takes 64 KB).
MOST_KNOWN_MODELS = 1500


class Ending(StrEnum):
    """How a submission ended."""

    READY = "ready"
    FAILED = "failed"
    #: Failed for a cause that stays, such as rejected images.
    FAILED_FOR_GOOD = "failed for good"
    #: Cancelled by this task, after its timeout.
    CANCELLED = "cancelled"
    #: Cancelled by somebody else, who may have meant it.
    CANCELLED_ELSEWHERE = "cancelled by somebody else"
    #: The service took nothing on: refused, not reached, or a documented rejection.
    NOT_ACCEPTED = "not accepted"


def _text(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _moment(value: Any, name: str) -> float | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise _unreadable(f"{name} is {value!r}, not a time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _unreadable(why: str) -> DreamboothValidationError:
    return DreamboothValidationError(
        f"The record of this task's training cannot be read: {why}. Nothing was sent, so that no training is paid "
        f"twice. Mend the entry {RECORD_KEY!r} of the task instance's state in Airflow, or delete it to train anew."
    )


def _identifier(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _unreadable(f"training_id is {value!r}, not text")
    text = str(value).strip()
    return None if text.lower() in ("", "none", "null") else text


@dataclass(frozen=True)
class Record:
    """
    What is known of one paid submission.

    :param fingerprint: digest of everything that is billed.
    :param account: host and environment that it was sent to.
    :param intent_at: when the request was about to go out, epoch seconds.
    :param max_tries: Airflow's ``max_tries`` at that time; it changes when a user clears the task.
    :param training_id: the id, ``None`` until it is known.
    :param lost_at: when the task gave up on the answer, ``None`` when the answer came or the worker died before it.
    :param ending: how it ended, ``None`` while it is under way.
    :param reason: the service's words about the ending.
    :param known_models: ids of the account's models before the request, ``None`` when they were not asked for.
    :param deadline: when waiting for it ends, epoch seconds, ``None`` for never.
    """

    fingerprint: str
    account: str
    intent_at: float
    max_tries: int
    training_id: str | None = None
    ending: Ending | None = None
    reason: str | None = None
    known_models: tuple[str, ...] | None = None
    deadline: float | None = None
    lost_at: float | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether a request went out and nothing tells yet what became of it."""
        return self.training_id is None and self.ending is None

    def with_training(self, training_id: str) -> Record:
        """Return the record once the id is known. The list of models has served its purpose then."""
        return replace(
            self, training_id=training_id, ending=None, reason=None, known_models=None, lost_at=None
        )

    def ended(self, ending: Ending, reason: str | None = None) -> Record:
        """Return the record with its ending."""
        return replace(self, ending=ending, reason=reason, known_models=None)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is stored."""
        return {
            "version": _VERSION,
            "training_id": self.training_id,
            "ending": self.ending.value if self.ending else None,
            "reason": self.reason,
            "intent_at": _text(self.intent_at),
            "lost_at": _text(self.lost_at),
            "deadline": _text(self.deadline),
            "account": self.account,
            "fingerprint": self.fingerprint,
            "max_tries": self.max_tries,
            "known_models": None if self.known_models is None else list(self.known_models),
        }

    @classmethod
    def from_json(cls, value: Any) -> Record | None:
        """
        Read a stored entry; ``None`` stays ``None``.

        :raises DreamboothValidationError: there is an entry and it cannot be read. It is never taken for no entry.
        """
        if value is None:
            return None
        if isinstance(value, str):
            # A person's edit may have turned the object into its text.
            try:
                value = json.loads(value)
            except ValueError:
                raise _unreadable("it is text, not a JSON object") from None
        if not isinstance(value, Mapping):
            raise _unreadable(f"it is {type(value).__name__}, not a JSON object")
        if value.get("version", _VERSION) != _VERSION:
            raise _unreadable(f"its version is {value['version']!r}, and this provider writes {_VERSION}")
        ending = value.get("ending")
        try:
            known_ending = None if ending in (None, "") else Ending(ending)
        except ValueError:
            raise _unreadable(f"ending is {ending!r}") from None
        training_id = _identifier(value.get("training_id"))
        if training_id is not None and known_ending is Ending.NOT_ACCEPTED:
            # Only a person writes that: a training handed over in place of a request that was refused.
            known_ending = None
        known = value.get("known_models")
        if known is not None and not isinstance(known, (list, tuple)):
            raise _unreadable("known_models is not a list")
        max_tries = value.get("max_tries")
        if isinstance(max_tries, bool) or not isinstance(max_tries, int):
            raise _unreadable(f"max_tries is {max_tries!r}, not a whole number")
        intent_at = _moment(value.get("intent_at"), "intent_at")
        if intent_at is None:
            raise _unreadable("intent_at is missing")
        return cls(
            fingerprint=str(value.get("fingerprint") or ""),
            account=str(value.get("account") or ""),
            intent_at=intent_at,
            max_tries=max_tries,
            training_id=training_id,
            ending=known_ending,
            reason=None if value.get("reason") is None else str(value["reason"]),
            known_models=None if known is None else tuple(str(item) for item in known),
            deadline=_moment(value.get("deadline"), "deadline"),
            lost_at=_moment(value.get("lost_at"), "lost_at"),
        )
