# SPDX-License-Identifier: Apache-2.0
"""The durable record of one paid submission.

It is written before the request is sent (the intent), when the id is known, and at the end. A request that is to
replace an earlier training keeps that one's record beside its own until the new one is accepted. It is JSON that a
person can read and edit in Airflow: to hand over a training whose answer was lost, put its id into ``training_id``;
to force a new one, delete the entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from airflow_provider_dreambooth.api.training_api import TrainingApi
from airflow_provider_dreambooth.exceptions import DreamboothValidationError

#: Name of the entry in Airflow's task state store.
RECORD_KEY = "dreambooth_training"
_VERSION = 1
#: More models than this are not kept in a record (the state store takes 64 KB).
MOST_KNOWN_MODELS = 1500
#: Characters of the instance prompt that are kept to recognise a training in the account's list.
LONGEST_PROMPT = 200


class Ending(StrEnum):
    """How a submission ended."""

    READY = "ready"
    FAILED = "failed"
    #: Failed for a permanent cause, such as rejected images.
    FAILED_PERMANENTLY = "failed_permanently"
    #: Cancelled by this task, after its timeout.
    CANCELLED = "cancelled"
    #: Cancelled at the service, not by this task: somebody may have meant it.
    CANCELLED_EXTERNALLY = "cancelled_externally"
    #: The service accepted nothing: refused, not reached, or a documented rejection.
    NOT_ACCEPTED = "not_accepted"

    @classmethod
    def _missing_(cls, value: object) -> Ending | None:
        """Read the words of records that an earlier version wrote."""
        former = {
            "failed for good": cls.FAILED_PERMANENTLY,
            "cancelled by somebody else": cls.CANCELLED_EXTERNALLY,
            "not accepted": cls.NOT_ACCEPTED,
        }
        return former.get(str(value))


def as_text(moment: float | None) -> str | None:
    """Return a time as the record shows it, such as ``2026-05-04T09:12:31+00:00``."""
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
        f"twice. Fix the entry {RECORD_KEY!r} of the task instance's state in Airflow, or delete it to pay for a new training."
    )


def _identifier(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _unreadable(f"training_id is {value!r}, not text")
    text = str(value).strip()
    return None if text.lower() in ("", "none", "null") else text


def _whole_number(value: Any, name: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise _unreadable(f"{name} is {value!r}, not a whole number")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True)
class Record:
    """
    What is known of one paid submission.

    :param fingerprint: digest of everything that is billed.
    :param account: host and environment that it was sent to.
    :param intent_at: when the request was about to be sent, epoch seconds.
    :param max_tries: Airflow's ``max_tries`` at that time; it changes when a user clears the task.
    :param try_number: the try that has last decided about it: an older one that wakes up sees that it is not the latest.
    :param training_id: the id, ``None`` until it is known.
    :param ending: how it ended, ``None`` while it has not.
    :param reason: the service's words about the ending.
    :param known_models: ids of the account's models before the request, ``None`` when they were not asked for.
    :param deadline: when waiting for it ends, epoch seconds, ``None`` for never.
    :param lost_at: when the task gave up on the answer, ``None`` when the answer came or the worker died before it.
    :param key_digest: salted digest of the key that the request was sent with (:mod:`.key_digest`); the salt is random,
        so that it also tells one request from another. ``None`` in a record that a person wrote.
    :param adopted: the id was inferred from the account's list after a lost answer. It may be somebody else's training,
        so that it is never cancelled.
    :param instance_prompt: beginning of the prompt, while it can help to recognise the training in the list.
    :param earlier: record of the training that this one is to replace. Before the id is known: what is left if the request
        is refused. Beside a known id: that training is still to be cancelled.
    :param queued_until: while the account's queue is full for a request that is to replace this training: when waiting for
        a place ends, epoch seconds.
    :param training_api: which interface of the service has the training, ``v3`` or ``v6``; ``None`` for the task's own.
    :param sent_as: the name that the request was sent with, where it has one: a person can look for it.
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
    key_digest: str | None = None
    adopted: bool = False
    instance_prompt: str | None = None
    earlier: Record | None = None
    queued_until: float | None = None
    training_api: str | None = None
    sent_as: str | None = None
    try_number: int | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether a request may have been sent and nothing tells yet what became of it."""
        return self.training_id is None and self.ending is None

    @property
    def given_up_at(self) -> float:
        """When nobody waited for the answer any more, as far as is known, in epoch seconds."""
        # A request that timed out was sent long before: the service may have accepted it at the last moment.
        return self.intent_at if self.lost_at is None else max(self.intent_at, self.lost_at)

    @property
    def known(self) -> Record | None:
        """The record of the training whose id is known: this one, or the one that it was to replace."""
        return self if self.training_id is not None else self.earlier

    def with_training(self, training_id: str, *, adopted: bool = False) -> Record:
        """Return the record once the id is known. What could settle a lost answer has served its purpose then."""
        return replace(
            self,
            training_id=training_id,
            ending=None,
            reason=None,
            known_models=None,
            lost_at=None,
            instance_prompt=None,
            adopted=adopted,
        )

    def ended(self, ending: Ending, reason: str | None = None) -> Record:
        """Return the record with its ending."""
        return replace(self, ending=ending, reason=reason, known_models=None, instance_prompt=None)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is stored."""
        return {
            "version": _VERSION,
            "training_id": self.training_id,
            "ending": self.ending.value if self.ending else None,
            "reason": self.reason,
            "intent_at": as_text(self.intent_at),
            "lost_at": as_text(self.lost_at),
            "deadline": as_text(self.deadline),
            "queued_until": as_text(self.queued_until),
            "account": self.account,
            "key_digest": self.key_digest,
            "fingerprint": self.fingerprint,
            "max_tries": self.max_tries,
            "try_number": self.try_number,
            "adopted": self.adopted,
            "instance_prompt": self.instance_prompt,
            "known_models": None if self.known_models is None else list(self.known_models),
            "training_api": self.training_api,
            "sent_as": self.sent_as,
            "earlier": None if self.earlier is None else self.earlier.to_json(),
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
        max_tries = _whole_number(value.get("max_tries"), "max_tries")
        if max_tries is None:
            raise _unreadable("max_tries is missing")
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
            reason=_optional(value.get("reason")),
            known_models=None if known is None else tuple(str(item) for item in known),
            deadline=_moment(value.get("deadline"), "deadline"),
            lost_at=_moment(value.get("lost_at"), "lost_at"),
            key_digest=_optional(value.get("key_digest")),
            adopted=value.get("adopted") is True,
            instance_prompt=_optional(value.get("instance_prompt")),
            earlier=_earlier(value.get("earlier")),
            queued_until=_moment(value.get("queued_until"), "queued_until"),
            training_api=_training_api(value.get("training_api")),
            sent_as=_optional(value.get("sent_as")),
            try_number=_whole_number(value.get("try_number"), "try_number"),
        )


def _training_api(value: Any) -> str | None:
    if value not in (None, *TrainingApi):
        raise _unreadable(f"training_api is {value!r}, neither v3 nor v6")
    return None if value is None else str(value)


def _earlier(value: Any) -> Record | None:
    record = Record.from_json(value)
    if record is not None and record.training_id is None:
        raise _unreadable("earlier names no training")
    return record


def same(one: Record | None, other: Record | None) -> bool:
    """Return whether two records are the same once written: times are stored in seconds."""
    return (one and one.to_json()) == (other and other.to_json())
