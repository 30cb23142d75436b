# SPDX-License-Identifier: Apache-2.0
"""The one event by which a trigger tells the worker how waiting ended.

It holds all that the worker needs, since Airflow may drop what was passed beside it, and never a secret. It
is checked when it comes back: an unknown status is an error, never a success.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTrainingFailedError
from airflow_provider_dreambooth.runtime.errors import error_class_named

STATUSES = ("success", "failed", "cancelled", "timeout", "error")


@dataclass(frozen=True)
class WaitEnded:
    """
    How waiting for a training ended.

    :param status: ``success``, ``failed``, ``cancelled``, ``timeout`` or ``error``.
    :param training_id: the training.
    :param message: for people.
    :param reason: the service's words, for ``failed``.
    :param error: name of the error class, for ``error``.
    :param cause_is_permanent: the same inputs would fail again.
    :param stages: the stages seen, each with the time at which it was first seen, in order.
    """

    status: str
    training_id: str
    message: str
    reason: str | None = None
    error: str | None = None
    cause_is_permanent: bool = False
    stages: tuple[tuple[str, float], ...] = ()

    def to_payload(self) -> dict[str, Any]:
        """Return the trigger event's payload."""
        payload: dict[str, Any] = {
            "status": self.status,
            "training_id": self.training_id,
            "message": self.message,
            "stages": [{"stage": stage, "first_seen": seen} for stage, seen in self.stages],
            "reason": self.reason,
            "error": self.error,
            "cause_is_permanent": self.cause_is_permanent or None,
        }
        return {name: value for name, value in payload.items() if value is not None}

    @classmethod
    def from_payload(cls, payload: Any, *, expected_id: str | None = None) -> WaitEnded:
        """
        Read an event that came back from the triggerer.

        :param expected_id: the training that the task waits for, when it is known.
        :raises DreamboothError: no event, an unknown status, or another training than expected.
        """
        if not isinstance(payload, Mapping):
            raise DreamboothError(
                _strange(expected_id, f"holds {type(payload).__name__} instead of an object")
            )
        status, training_id = payload.get("status"), payload.get("training_id")
        if not isinstance(training_id, str) or not training_id:
            raise DreamboothError(_strange(expected_id, "names no training"))
        if expected_id is not None and training_id != expected_id:
            raise DreamboothError(_strange(expected_id, f"is about training {training_id}"))
        if status not in STATUSES:
            raise DreamboothError(_strange(training_id, f"has the unknown status {status!r}"))
        return cls(
            status=str(status),
            training_id=training_id,
            message=str(payload.get("message") or ""),
            reason=None if payload.get("reason") is None else str(payload["reason"]),
            error=None if payload.get("error") is None else str(payload["error"]),
            cause_is_permanent=bool(payload.get("cause_is_permanent")),
            stages=tuple(_stages_in(payload.get("stages"))),
        )


def error_of(ended: WaitEnded) -> DreamboothError:
    """
    Return the error that an ended wait stands for.

    :param ended: anything but a success or a timeout.
    """
    details: dict[str, Any] = {"training_id": ended.training_id, "raw": ended.reason}
    if ended.status in ("failed", "cancelled"):
        permanent = ended.cause_is_permanent or ended.status == "cancelled"
        return DreamboothTrainingFailedError(ended.message, cause_is_permanent=permanent, **details)
    return error_class_named(ended.error)(ended.message, **details)


def _stages_in(value: Any) -> Iterator[tuple[str, float]]:
    """Read the stages; one that cannot be read is left out, as it decides nothing."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping) and "stage" in item:
            seen = item.get("first_seen")
            if isinstance(seen, (int, float)) and not isinstance(seen, bool):
                yield str(item["stage"]), float(seen)


def _strange(training_id: str | None, what: str) -> str:
    about = f"training {training_id}" if training_id else "a training"
    return (
        f"The event that ended the wait for {about} {what}. The training was not touched. "
        "Check that triggerer and workers run the same version of airflow-provider-dreambooth, then clear the task."
    )
