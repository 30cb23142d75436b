# SPDX-License-Identifier: Apache-2.0
"""
The rendering of one task over all its tries.

It is written before the request is sent, when the service has accepted it, when the images are ready, and before each
file. A retry fetches the same rendering again instead of paying for another, and completes the set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.exceptions import DreamboothValidationError

if TYPE_CHECKING:
    from airflow_provider_dreambooth.runtime.state_store import StateStore

RENDERING_KEY = "dreambooth_rendering"
#: Seconds for which a rendering is re-attached to: the service's links can end after 24 hours (documented).
RENDERING_LIFE = 20 * 3600.0
#: Tries that ended without the images, by dead links or by the timeout, after which they are rendered again.
MOST_MISSES = 2


@dataclass(frozen=True)
class RenderingRecord:
    """
    What is known of a rendering.

    :param fingerprint: digest of the request.
    :param account: host and environment that it was sent to.
    :param max_tries: Airflow's ``max_tries`` at that time; it changes when a user clears the task.
    :param at: when it was asked for, epoch seconds.
    :param try_number: the try that sent it.
    :param request_id: the service's id; ``None`` while the answer is not known, and for images without one.
    :param inference_api: the form of the API that accepted it.
    :param fetch_path: where to ask for the images.
    :param urls: their links, once they are ready.
    :param seed: the seed that was used, once it is known.
    :param steps: the steps that were rendered, once they are known.
    :param blanked: the safety checker replaced at least one image.
    :param files: number of an image, from 1, as text -> URI that it was, or was about to be, written to.
    :param misses: tries that ended without the images.
    :param finished: the task has ended well.
    """

    fingerprint: str
    account: str
    max_tries: int
    at: float
    try_number: int = 0
    request_id: str | None = None
    inference_api: str = InferenceApi.V4
    fetch_path: str | None = None
    urls: tuple[str, ...] = ()
    seed: int | None = None
    steps: int | None = None
    blanked: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    misses: int = 0
    finished: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether the request was sent and its answer never became known."""
        return not self.request_id and not self.urls


_FIELDS = frozenset(item.name for item in fields(RenderingRecord))


class RenderingStore:
    """
    The entry of one task instance.

    :param store: its state store.
    :param max_tries: Airflow's ``max_tries`` now.
    :param clock: epoch seconds.
    """

    def __init__(self, store: StateStore, max_tries: int, clock: Callable[[], float]) -> None:
        self._store = store
        self.max_tries = max_tries
        self._clock = clock

    def load(self) -> RenderingRecord | None:
        """
        Return the entry, ``None`` when there is none.

        :raises DreamboothTransientError: Airflow does not answer.
        :raises DreamboothValidationError: somebody has edited it and it cannot be read.
        """
        value = self._store.get(RENDERING_KEY)
        if value is None:
            return None
        try:
            known = {name: item for name, item in value.items() if name in _FIELDS}
            return RenderingRecord(**{**known, "urls": tuple(value["urls"]), "files": dict(value["files"])})
        except (AttributeError, TypeError, KeyError, ValueError):
            raise DreamboothValidationError(
                f"The entry {RENDERING_KEY!r} of this task's state cannot be read. It says which rendering is paid already, "
                "so nothing is sent without it. Correct it, or delete it and clear the task: that renders again, which is "
                "billed."
            ) from None

    def usable(self, known: RenderingRecord | None, fingerprint: str, account: str) -> RenderingRecord | None:
        """
        Return the rendering that an earlier try left for the same request, ``None`` when a new one is due.

        :param known: the entry.
        :param fingerprint: the request's digest.
        :param account: where it would be sent.
        """
        if known is None or (known.fingerprint, known.account) != (fingerprint, account) or known.in_doubt:
            return None
        if not 0 <= self._clock() - known.at < RENDERING_LIFE or known.misses >= MOST_MISSES:
            return None
        # Who clears a task that had its images wants others.
        return None if known.finished and known.max_tries != self.max_tries else known

    def save(self, record: RenderingRecord) -> None:
        """
        Write the entry; it is durable when this returns.

        :raises DreamboothTransientError: Airflow does not answer.
        """
        value: dict[str, Any] = {**vars(record), "urls": list(record.urls), "files": dict(record.files)}
        self._store.set(RENDERING_KEY, {**value, "inference_api": str(record.inference_api)})

    def finish(self, record: RenderingRecord) -> None:
        """
        Note that the task has ended well; below Airflow 3.3 the entry goes, so that they do not pile up.

        :param record: what is known, with ``finished``.
        """
        if self._store.keeps_ended:
            self.save(record)
        else:
            self.delete()

    def delete(self) -> None:
        """Delete the entry: the next try renders again."""
        self._store.delete(RENDERING_KEY)
