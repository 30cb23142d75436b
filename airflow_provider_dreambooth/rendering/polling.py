"""Waiting for pictures: asked for again when the service said that they would be there.

Operator and trigger share it. A passing fault only postpones the next look; a permanent one ends the wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.api.results import Rendering
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.training.pace import RenderingPace

STATUSES = ("success", "timeout", "error")


@dataclass(frozen=True)
class RenderingEnded:
    """
    How waiting for pictures ended.

    :param status: ``success``, ``timeout`` or ``error``.
    :param request_id: the service's id of the request.
    :param message: for people.
    :param urls: links of the pictures.
    :param seed: the seed that was used.
    :param blanked: the safety checker replaced at least one picture.
    :param error: name of the error class, for ``error``.
    """

    status: str
    request_id: str
    message: str
    urls: tuple[str, ...] = ()
    seed: int | None = None
    blanked: bool = False
    error: str | None = None

    def to_payload(self) -> dict[str, Any]:
        """Return the trigger event's payload."""
        return {
            "status": self.status,
            "request_id": self.request_id,
            "message": self.message,
            "urls": list(self.urls),
            "seed": self.seed,
            "blanked": self.blanked,
            "error": self.error,
        }

    @classmethod
    def from_payload(cls, payload: Any) -> RenderingEnded:
        """
        Read an event that came back from the triggerer.

        :raises DreamboothError: it is not one of ours.
        """
        if not isinstance(payload, Mapping) or payload.get("status") not in STATUSES:
            raise DreamboothError(
                "The event that ended the wait for pictures cannot be read. Check that triggerer and workers run the same "
                "version of airflow-provider-dreambooth, then clear the task: it renders again."
            )
        seed = payload.get("seed")
        return cls(
            status=str(payload["status"]),
            request_id=str(payload.get("request_id") or ""),
            message=str(payload.get("message") or ""),
            urls=tuple(str(url) for url in payload.get("urls") or ()),
            seed=seed if isinstance(seed, int) else None,
            blanked=bool(payload.get("blanked")),
            error=None if payload.get("error") is None else str(payload["error"]),
        )


@dataclass(frozen=True)
class RenderingLook:
    """
    What one look led to.

    :param delay: seconds until the next look.
    :param ended: how the wait ended, ``None`` while it goes on.
    """

    delay: float
    ended: RenderingEnded | None = None


class RenderingWatch:
    """
    The state of waiting for one request's pictures.

    :param request_id: the service's id of the request.
    :param poll_interval: fixed seconds between looks, ``None`` to follow the service's ETA.
    :param end_time: epoch seconds after which the wait ends as a timeout, ``None`` for never.
    """

    def __init__(
        self, request_id: str, *, poll_interval: float | None = None, end_time: float | None = None
    ) -> None:
        self.request_id = request_id
        self.end_time = end_time
        self._pace = RenderingPace(poll_interval)

    def on_answer(self, answer: Rendering, now: float) -> RenderingLook:
        """Take an answer of the service."""
        if answer.ready:
            count = len(answer.urls)
            message = f"{count} picture{'' if count == 1 else 's'} of request {self.request_id} ready."
            return RenderingLook(0.0, ended_with(answer, self.request_id, message))
        return self._again(self._pace.next_delay(answer.eta, now), now)

    def on_error(self, error: DreamboothError, now: float) -> RenderingLook:
        """Take a look that failed."""
        if error.permanent:
            message = f"The pictures of request {self.request_id} cannot be had: {error}"
            return RenderingLook(
                0.0, RenderingEnded("error", self.request_id, message, error=type(error).__name__)
            )
        return self._again(self._pace.after_fault(error, now), now)

    def _again(self, delay: float, now: float) -> RenderingLook:
        if self.end_time is None:
            return RenderingLook(delay)
        if now >= self.end_time:
            message = (
                f"The pictures of request {self.request_id} were not ready by the task's timeout. A retry or a clear asks for "
                "new ones."
            )
            return RenderingLook(0.0, RenderingEnded("timeout", self.request_id, message))
        return RenderingLook(max(0.0, min(delay, self.end_time - now)))


def ended_with(answer: Rendering, request_id: str, message: str = "") -> RenderingEnded:
    """Return the good end of a wait."""
    return RenderingEnded("success", request_id, message, answer.urls, answer.seed, answer.blanked)
