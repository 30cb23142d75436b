# SPDX-License-Identifier: Apache-2.0
"""
The XCom ``training``: what people, the UI page and later tasks may know of a training, in one value.

Pushed by the training operator and the sensor, and rewritten by the trigger at each change of stage. Nothing that
decides about money reads it. It holds no secret: parameters are masked by name, links lose their query string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from airflow_provider_dreambooth.api.link_text import bare_link, is_web_link
from airflow_provider_dreambooth.training.record import as_text

#: Key of the XCom.
SUMMARY_KEY = "training"
VERSION = 1
#: States: of the training, or ``timed_out`` when waiting for it ended before the training did.
RUNNING, READY, FAILED, CANCELLED, TIMED_OUT = "running", "ready", "failed", "cancelled", "timed_out"
STATES = (RUNNING, READY, FAILED, CANCELLED, TIMED_OUT)
#: What the training cost this task: paid by it, or found again.
ACCEPTED, REATTACHED, REUSED, ADOPTED = "accepted", "re-attached", "reused", "adopted"

MOST_IMAGES = 20
#: Characters of one text of a parameter or of the service.
LONGEST_TEXT = 2000
#: An ETA beyond this many seconds (a year) is not shown.
_LONGEST_ETA = 365 * 86400.0
_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_MASKED = "***"
_TEXTS = (
    "money",
    "connection",
    "service",
    "environment",
    "method",
    "instance_prompt",
    "class_prompt",
    "training_type",
    "base_model_id",
    "max_train_steps",
    "reason",
    "next_step",
)


@dataclass(frozen=True)
class Replaced:
    """
    The training in whose place this one was started.

    :param training_id: the earlier training.
    :param cancelled: the service has confirmed that it is cancelled.
    """

    training_id: str
    cancelled: bool


@dataclass(frozen=True)
class TrainingSummary:
    """
    What is known of one training; what is not known is ``None``. Times are epoch seconds, in JSON ISO 8601 in UTC.

    :param training_id: the training.
    :param state: one of :data:`STATES`; ``failed`` also when waiting ended with an error, which ``reason`` tells.
    :param money: ``accepted`` (paid by this try), ``re-attached`` (paid by an earlier try), ``reused`` (after a clear)
        or ``adopted`` (found after a lost answer); ``None`` for the sensor.
    :param replaced: the training in whose place this one was started.
    :param connection: id of the connection.
    :param service: base URL.
    :param environment: ``sandbox`` or ``production``.
    :param parameters: further fields of the request, secrets masked.
    :param images: links of the images, without query strings.
    :param requested_at: when the paid request was sent.
    :param stages: each stage with the time at which it was first seen, in order.
    :param eta_at: when the service expected the training to be ready, as of the last change of stage.
    :param ended_at: when the end was seen.
    :param reason: why it did not become ready.
    :param next_step: what a person can do then.
    """

    training_id: str
    state: str = RUNNING
    money: str | None = None
    replaced: Replaced | None = None
    connection: str | None = None
    service: str | None = None
    environment: str | None = None
    method: str | None = None
    instance_prompt: str | None = None
    class_prompt: str | None = None
    training_type: str | None = None
    base_model_id: str | None = None
    max_train_steps: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    requested_at: float | None = None
    stages: tuple[tuple[str, float], ...] = ()
    eta_at: float | None = None
    ended_at: float | None = None
    reason: str | None = None
    next_step: str | None = None

    @property
    def stage(self) -> str | None:
        """The last stage that was seen."""
        return self.stages[-1][0] if self.stages else None

    @property
    def seconds(self) -> float | None:
        """
        How long the training took; ``None`` when it was ready before the first poll.

        From the request on, or from the first stage that was seen where the request is not known.
        """
        seen_running = len(self.stages) > 1
        began = self.requested_at
        if began is None and seen_running:
            began = self.stages[0][1]
        if began is None or self.ended_at is None or (self.money == REUSED and not seen_running):
            return None
        return round(max(0.0, self.ended_at - began), 1)

    def at_stage(self, stage: str, now: float, eta: float | None = None) -> TrainingSummary:
        """
        Return the summary after a poll; itself when the stage is still the same.

        :param stage: the service's word.
        :param now: epoch seconds.
        :param eta: seconds left as announced, ``None`` when nothing is.
        """
        if stage == self.stage:
            return self
        eta_at = now + eta if eta is not None and 0.0 < eta <= _LONGEST_ETA else None
        return replace(self, stages=(*self.stages, (stage, now)), eta_at=eta_at)

    def ended(
        self, state: str, now: float, *, reason: str | None = None, next_step: str | None = None
    ) -> TrainingSummary:
        """
        Return the summary at the end of the wait.

        :param state: one of :data:`STATES`.
        :param now: epoch seconds.
        """
        return replace(self, state=state, ended_at=now, eta_at=None, reason=reason, next_step=next_step)

    def to_json(self) -> dict[str, Any]:
        """Return the XCom's value."""
        facts = {name: _cut(getattr(self, name)) for name in _TEXTS}
        return {
            "version": VERSION,
            "training_id": self.training_id,
            "state": self.state,
            **facts,
            "replaced": None if self.replaced is None else vars(self.replaced),
            "parameters": masked(self.parameters),
            "images": list(links_without_query(self.images)),
            "requested_at": as_text(self.requested_at),
            "stages": [{"stage": stage, "seen": as_text(seen)} for stage, seen in self.stages],
            "eta_at": as_text(self.eta_at),
            "ended_at": as_text(self.ended_at),
        }

    @classmethod
    def from_json(cls, value: Any) -> TrainingSummary | None:
        """
        Read the XCom. A field that cannot be read is unknown.

        :return: ``None`` for anything that names no training.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("training_id"), str):
            return None
        replaced, parameters, images = value.get("replaced"), value.get("parameters"), value.get("images")
        earlier = replaced.get("training_id") if isinstance(replaced, Mapping) else None
        state = value.get("state")
        return cls(
            training_id=value["training_id"],
            state=state if state in STATES else RUNNING,
            replaced=Replaced(str(earlier), bool(replaced.get("cancelled"))) if earlier else None,  # type: ignore[union-attr]
            parameters=dict(parameters) if isinstance(parameters, Mapping) else {},
            images=tuple(image for image in images if isinstance(image, str))
            if isinstance(images, list)
            else (),
            requested_at=_moment(value.get("requested_at")),
            stages=tuple(_stages(value.get("stages"))),
            eta_at=_moment(value.get("eta_at")),
            ended_at=_moment(value.get("ended_at")),
            **{name: None if value.get(name) is None else str(value[name]) for name in _TEXTS},
        )


def masked(value: Any, depth: int = 0) -> Any:
    """
    Return a JSON value in which everything named like a secret is replaced by ``***``.

    :param value: the parameters of a request.
    """
    if isinstance(value, Mapping):
        if depth > 5:
            return "…"
        return {
            str(name): _MASKED if _SECRET.search(str(name)) and item else masked(item, depth + 1)
            for name, item in list(value.items())[:50]
        }
    if isinstance(value, (list, tuple)):
        return [masked(item, depth + 1) for item in value[:50]] if depth <= 5 else "…"
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and abs(value) < 1e300):
        return value
    text = str(value)
    if "://" in text:
        return next(links_without_query([text]), _MASKED)
    return _cut(text)


def links_without_query(images: Any) -> Iterator[str]:
    """
    Yield the links among images, 20 at most, without user, password, query string and fragment.

    :param images: links, files, folders and patterns; one or several.
    """
    several = [images] if isinstance(images, str) else images if isinstance(images, (list, tuple)) else ()
    links = (text for text in (str(image).strip() for image in several) if is_web_link(text))
    for link in islice(links, MOST_IMAGES):
        yield bare_link(link)[:LONGEST_TEXT]


def _cut(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _moment(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _stages(value: Any) -> Iterator[tuple[str, float]]:
    for item in value if isinstance(value, list) else ():
        seen = _moment(item.get("seen")) if isinstance(item, Mapping) else None
        if seen is not None:
            yield str(item.get("stage")), seen
