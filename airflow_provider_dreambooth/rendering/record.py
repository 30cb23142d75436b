"""
The rendering of one task over all its tries.

It is written when the service has taken a request on, when the pictures are ready, and before each file. A retry
fetches the same rendering again instead of paying for another, and completes the set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_dreambooth.runtime.state_store import StateStore

RENDERING_KEY = "dreambooth_rendering"
#: Seconds for which a rendering is taken up again: the service's links can end after 24 hours (documented).
RENDERING_LIFE = 20 * 3600.0
#: Tries whose links stayed dead, after which the rendering is given up and made anew.
MOST_MISSES = 2


@dataclass(frozen=True)
class RenderingRecord:
    """
    What is known of a rendering.

    :param fingerprint: digest of the request.
    :param account: host and environment that it was sent to.
    :param max_tries: Airflow's ``max_tries`` at that time; it changes when a user clears the task.
    :param at: when it was asked for, epoch seconds.
    :param request_id: the service's id, empty when it named none.
    :param fetch_path: where to ask for the pictures.
    :param urls: their links, once they are ready.
    :param seed: the seed that was used, once it is known.
    :param blanked: the safety checker replaced at least one picture.
    :param files: number of a picture, from 1, as text -> URI that it was, or was about to be, written to.
    :param misses: tries whose links stayed dead.
    :param finished: the task has ended well.
    """

    fingerprint: str
    account: str
    max_tries: int
    at: float
    request_id: str
    fetch_path: str | None = None
    urls: tuple[str, ...] = ()
    seed: int | None = None
    blanked: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    misses: int = 0
    finished: bool = False


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
        """Return the entry; one that cannot be read counts as none, which costs one more rendering."""
        value = self._store.get(RENDERING_KEY)
        if not isinstance(value, Mapping):
            return None
        try:
            return RenderingRecord(**{**value, "urls": tuple(value["urls"]), "files": dict(value["files"])})
        except (TypeError, KeyError, ValueError):
            return None

    def usable(self, fingerprint: str, account: str) -> RenderingRecord | None:
        """
        Return the rendering that an earlier try left for the same request, ``None`` when a new one is due.

        :param fingerprint: the request's digest.
        :param account: where it would be sent.
        """
        known = self.load()
        if known is None or (known.fingerprint, known.account) != (fingerprint, account):
            return None
        if not 0 <= self._clock() - known.at < RENDERING_LIFE or known.misses >= MOST_MISSES:
            return None
        # Who clears a task that had its pictures wants others.
        return None if known.finished and known.max_tries != self.max_tries else known

    def save(self, record: RenderingRecord) -> None:
        """Write the entry; it is durable when this returns."""
        self._store.set(
            RENDERING_KEY, {**vars(record), "urls": list(record.urls), "files": dict(record.files)}
        )

    def missed(self) -> bool:
        """Note that links stayed dead. Return whether the next try makes the pictures anew."""
        known = self.load()
        if known is None:
            return True
        self.save(replace(known, misses=known.misses + 1))
        return known.misses + 1 >= MOST_MISSES

    def finish(self) -> None:
        """Note that the task has ended well."""
        known = self.load()
        if not self._store.keeps_ended:
            self.delete()
        elif known is not None:
            self.save(replace(known, finished=True))

    def delete(self) -> None:
        """Delete the entry: the next try makes the pictures anew."""
        self._store.delete(RENDERING_KEY)
