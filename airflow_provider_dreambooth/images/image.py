# SPDX-License-Identifier: Apache-2.0
"""One image to train with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from airflow_provider_dreambooth.api.link_text import for_display, holds_secret
from airflow_provider_dreambooth.images.inspection import Facts
from airflow_provider_dreambooth.storage.place import Place


@dataclass(frozen=True)
class TrainingImage:
    """
    One image: a link, or a file that is stored somewhere.

    :param name: how messages call it; never with a secret in it.
    :param link: its link, when that is what the author wrote.
    :param place: where it is stored, when that is what the author wrote.
    :param copied: a link of which an own copy is uploaded instead of passing it on.
    :param facts: about its content; ``None`` for a link that was not looked at, or content that cannot be used.
    :param known_as: the identity of the same content in the training that this may be.
    """

    name: str
    link: str | None = None
    place: Place | None = None
    copied: bool = False
    facts: Facts | None = None
    known_as: str | None = None

    @property
    def is_uploaded(self) -> bool:
        """Whether the service gets an upload of ours instead of the author's link."""
        return self.link is None or self.copied

    @property
    def identity(self) -> str:
        """What stands for the image in a training's fingerprint: its content, or the link that is passed on."""
        if self.known_as is not None:
            return self.known_as
        if self.link is not None and not self.copied:
            return without_secret(self.link)
        return self.facts.digest if self.facts is not None else ""


def without_secret(text: str) -> str:
    """
    Return a text that stands for what an author wrote, and that may be stored.

    :param text: a link or a path. A link's query is replaced by its digest: it may be a signature.
    """
    if not holds_secret(text):
        return text
    return f"{for_display(text)}{hashlib.sha256(text.encode()).hexdigest()[:32]}"
