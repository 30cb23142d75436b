# SPDX-License-Identifier: Apache-2.0
"""
Waiting for images: asked for when the service said that they would be there, then every half minute.

The service refuses the same request within 30 seconds as a duplicate (documented filter), so a fetch is repeated only
after that time unless the user asks for another interval. Operator and trigger share these rules. A transient error only
postpones the next poll; a permanent one ends the wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.api.results import Rendering
from airflow_provider_dreambooth.exceptions import DreamboothError

STATUSES = ("success", "timeout", "error")
#: Seconds that renderings usually take when the service announces nothing (documented samples: 2.5 to 147).
USUAL = 20.0
#: The first poll falls on the announced end, between these bounds in seconds.
SOONEST_FIRST, LATEST_FIRST = 2.0, 300.0
#: Seconds between two polls: just above the service's filter of duplicates, and at most.
SHORTEST, LONGEST = 31.0, 60.0
#: Longest wait that an answer may ask for.
LONGEST_ASKED = 600.0


def first_delay(eta: float | None, poll_interval: float | None) -> float:
    """
    Return the seconds from the request for images to the first poll.

    :param eta: seconds that the service announces, ``None`` when it does not.
    :param poll_interval: the user's fixed interval, ``None`` to follow the service.
    """
    if poll_interval is not None:
        return poll_interval
    return min(max(USUAL if eta is None else eta, SOONEST_FIRST), LATEST_FIRST)


@dataclass(frozen=True)
class RenderingEnded:
    """
    How waiting for images ended.

    :param status: ``success``, ``timeout`` or ``error``.
    :param request_id: the service's id of the request.
    :param message: for people.
    :param urls: links of the images.
    :param seed: the seed that was used.
    :param steps: the steps that were rendered.
    :param blanked: the safety checker replaced at least one image.
    :param error: name of the error class, for ``error``.
    """

    status: str
    request_id: str
    message: str
    urls: tuple[str, ...] = ()
    seed: int | None = None
    steps: int | None = None
    blanked: bool = False
    error: str | None = None

    def to_payload(self) -> dict[str, Any]:
        """Return the trigger event's payload."""
        return {**vars(self), "urls": list(self.urls)}

    @classmethod
    def from_payload(cls, payload: Any) -> RenderingEnded:
        """
        Read an event that came back from the triggerer.

        :raises DreamboothError: it is not one of ours.
        """
        if not isinstance(payload, Mapping) or payload.get("status") not in STATUSES:
            raise DreamboothError(
                "The event that ended the wait for images cannot be read. Check that triggerer and workers run the same "
                "version of airflow-provider-dreambooth, then clear the task: it fetches the same images."
            )
        seed, steps = payload.get("seed"), payload.get("steps")
        return cls(
            status=str(payload["status"]),
            request_id=str(payload.get("request_id") or ""),
            message=str(payload.get("message") or ""),
            urls=tuple(str(url) for url in payload.get("urls") or ()),
            seed=seed if isinstance(seed, int) else None,
            steps=steps if isinstance(steps, int) else None,
            blanked=bool(payload.get("blanked")),
            error=None if payload.get("error") is None else str(payload["error"]),
        )


@dataclass(frozen=True)
class Poll:
    """
    What one poll led to.

    :param delay: seconds until the next poll.
    :param eta: seconds left as announced, ``None`` when nothing is.
    :param ended: how the wait ended, ``None`` while it goes on.
    """

    delay: float
    eta: float | None = None
    ended: RenderingEnded | None = None


class RenderingPolling:
    """
    The state of waiting for the images of one request.

    :param request_id: the service's id of the request.
    :param poll_interval: fixed seconds between polls, ``None`` to follow the service.
    :param end_time: epoch seconds after which the wait ends as a timeout, ``None`` for never.
    """

    def __init__(
        self, request_id: str, *, poll_interval: float | None = None, end_time: float | None = None
    ) -> None:
        self.request_id = request_id
        self._interval = poll_interval
        self._end_time = end_time
        self._errors = 0

    def first(self, answer: Rendering, now: float) -> Poll:
        """Take the answer to the request for images, or what an earlier try left."""
        if answer.ready:
            return Poll(0.0, ended=ended_with(answer, self.request_id))
        return self._again(first_delay(answer.eta, self._interval), now, answer.eta)

    def on_answer(self, answer: Rendering, now: float) -> Poll:
        """Take the answer to a fetch."""
        self._errors = 0
        if answer.ready:
            return Poll(0.0, ended=ended_with(answer, self.request_id))
        delay = self._interval
        if delay is None:
            delay = min(max(answer.eta or SHORTEST, SHORTEST), LONGEST)
        return self._again(delay, now, answer.eta)

    def on_error(self, error: DreamboothError, now: float) -> Poll:
        """Take a poll that failed."""
        if error.permanent:
            message = f"The images of request {self.request_id} are not available: {error}"
            return Poll(
                0.0, ended=RenderingEnded("error", self.request_id, message, error=type(error).__name__)
            )
        first = SHORTEST if self._interval is None else self._interval
        delay = min(first * 2.0 ** min(self._errors, 10), max(first, LONGEST))
        self._errors += 1
        asked = min(getattr(error, "retry_after", None) or 0.0, LONGEST_ASKED)
        return self._again(max(delay, asked), now, None)

    def _again(self, delay: float, now: float, eta: float | None) -> Poll:
        if self._end_time is None:
            return Poll(delay, eta)
        if now >= self._end_time:
            message = (
                f"The images of request {self.request_id} were not ready by the task's timeout. They are billed, so the next "
                "try fetches the same ones; if it times out too, the one after it renders again."
            )
            return Poll(0.0, ended=RenderingEnded("timeout", self.request_id, message))
        return Poll(max(0.0, min(delay, self._end_time - now)), eta)


def ended_with(answer: Rendering, request_id: str) -> RenderingEnded:
    """Return the good end of a wait."""
    count = len(answer.urls)
    message = f"{count} image{'' if count == 1 else 's'} of request {request_id} ready."
    return RenderingEnded(
        "success", request_id, message, answer.urls, answer.seed, answer.steps, answer.blanked
    )
