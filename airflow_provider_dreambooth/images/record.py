# SPDX-License-Identifier: Apache-2.0
"""What a task remembers of its images over all its tries, beside the record of its training.

The links of what it has uploaded, by content, so that nothing is uploaded twice; and what the images were when they
were last in order, so that a training is found again after its images were moved, deleted or uploaded again. No entry
holds a link's signature: people see these entries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.images.image import TrainingImage, without_secret

if TYPE_CHECKING:
    from airflow_provider_dreambooth.runtime.state_store import StateStore

UPLOADS_KEY = "dreambooth_uploads"
SEEN_KEY = "dreambooth_images"
#: Seconds for which an uploaded image's link is used again. Links of the service's sibling endpoint end after
#: 24 hours (documented); a training needs some time to fetch them.
LINK_LIFE = 20 * 3600.0
#: Links in one entry: the state store takes 64 KB.
_PAGE = 200
#: Characters beyond which the images are not remembered one by one.
_MOST_SEEN = 60_000


@dataclass(frozen=True)
class Seen:
    """
    The images when they were last in order.

    :param texts: what was written in the argument, links without their queries.
    :param identities: what stands for each image in the training's fingerprint.
    :param digests: of each image's content; ``None`` where a link was passed on unchecked.
    :param at: when, epoch seconds.
    :param known_as: link -> identity, where the link is a new one to the content of an earlier one.
    """

    texts: tuple[str, ...]
    identities: tuple[str, ...]
    digests: tuple[str | None, ...]
    at: float
    known_as: Mapping[str, str] = field(default_factory=dict)

    def missing(self, identities: Collection[str]) -> dict[str, str]:
        """
        Return the images that are not among some others, as content -> identity.

        :param identities: of the others.
        """
        pairs = zip(self.identities, self.digests, strict=True)
        return {digest: identity for identity, digest in pairs if digest and identity not in identities}


class ImagesRecord:
    """
    The entries of one task instance.

    :param store: its state store.
    :param account: links of another account's uploads are not used.
    :param clock: epoch seconds.
    """

    def __init__(self, store: StateStore, account: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._pages: list[dict[str, Any]] | None = None

    def link_of(self, upload: str) -> str | None:
        """
        Return the link of an earlier upload that still lives.

        :param upload: what stands for it.
        """
        for page in self._load():
            entry = page.get(upload)
            if isinstance(entry, Mapping) and entry.get("account") == self._account:
                link, at = entry.get("link"), entry.get("at")
                alive = isinstance(at, (int, float)) and self._clock() - at < LINK_LIFE
                return str(link) if link and alive else None
        return None

    def keep_link(self, upload: str, link: str) -> None:
        """Write the link of an upload; it is durable when this returns."""
        pages = self._load()
        number = next((index for index, page in enumerate(pages) if upload in page), len(pages) - 1)
        if number < 0 or (upload not in pages[number] and len(pages[number]) >= _PAGE):
            pages.append({})
            number = len(pages) - 1
        pages[number][upload] = {"link": link, "at": round(self._clock(), 3), "account": self._account}
        self._store.set(_page_key(number), pages[number])

    def seen(self) -> Seen | None:
        """Return the images when they were last in order."""
        value = self._store.get(SEEN_KEY)
        try:
            identities = tuple(str(identity) for identity in value["identities"])
            digests = value.get("digests") or [None] * len(identities)
            return Seen(
                tuple(str(text) for text in value["texts"]),
                identities,
                tuple(
                    None if digest is None else str(digest)
                    for digest, _ in zip(digests, identities, strict=True)
                ),
                float(value["at"]),
                {str(link): str(identity) for link, identity in (value.get("known_as") or {}).items()},
            )
        except (AttributeError, TypeError, KeyError, ValueError):
            # A help, not a promise: without it the images are simply read again.
            return None

    def keep_seen(
        self, texts: Sequence[str], images: Sequence[TrainingImage], *, at: float | None = None
    ) -> None:
        """
        Write that the images are in order.

        :param texts: what is written in the argument.
        :param at: since when, epoch seconds; ``None`` for now.
        """
        entry = {
            "texts": [without_secret(text) for text in texts],
            "identities": [image.identity for image in images],
            "digests": [image.facts.digest if image.facts else None for image in images],
            "at": round(self._clock() if at is None else at, 3),
            "known_as": {
                without_secret(image.link): image.known_as
                for image in images
                if image.link and image.known_as
            },
        }
        if len(json.dumps(entry)) <= _MOST_SEEN:
            self._store.set(SEEN_KEY, entry)

    def _load(self) -> list[dict[str, Any]]:
        if self._pages is None:
            self._pages = []
            while isinstance(page := self._store.get(_page_key(len(self._pages))), Mapping):
                self._pages.append(dict(page))
        return self._pages


def forget(store: StateStore) -> None:
    """Delete the entries of a task that has ended, where entries would pile up."""
    store.delete(SEEN_KEY)
    number = 0
    while store.get(_page_key(number)) is not None:
        store.delete(_page_key(number))
        number += 1


def _page_key(number: int) -> str:
    return UPLOADS_KEY if number == 0 else f"{UPLOADS_KEY}_{number + 1}"
