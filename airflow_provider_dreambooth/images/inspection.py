# SPDX-License-Identifier: Apache-2.0
"""Whether bytes are an image that the service can train with; bounded before anything is decoded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.header import looks_like, size_in_header
from airflow_provider_dreambooth.images.limits import (
    ADVISED_SIDE,
    LEAST_SIDE,
    MOST_FILE_BYTES,
    NotUsableError,
    check_pixels,
)

EXTRA = "airflow-provider-dreambooth[images]"


@dataclass(frozen=True)
class Facts:
    """
    What is known of an image's content.

    :param digest: stands for the content.
    :param width: pixels, as a viewer shows it.
    :param height: pixels, as a viewer shows it.
    :param turned: its file lies on its side and says so in a field that the service does not read; known with Pillow.
    """

    digest: str
    width: int
    height: int
    turned: bool = False

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side."""
        return min(self.width, self.height)


def digest_of(content: bytes) -> str:
    """Return what stands for an image's content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()[:32]


def inspect(content: bytes) -> Facts:
    """
    Return the facts about an image. With Pillow it is decoded to its end, without it the header is read.

    :raises NotUsableError: it is no image, of a kind that is not supported here, damaged, too large or too small.
    """
    if len(content) > MOST_FILE_BYTES:
        raise NotUsableError(beyond(len(content)))
    kind = looks_like(content)
    if kind not in decoding.formats():
        raise NotUsableError(_unsupported(content, kind))
    turned = False
    size = None if decoding.AVAILABLE else size_in_header(content)
    if decoding.AVAILABLE:
        view = decoding.view(content, kind, side=ADVISED_SIDE)
        size, turned = (view.width, view.height), view.turned
    if size is None:
        raise NotUsableError(
            f"begins like a {kind} image, but its size could not be read; open it in a viewer and save it again"
        )
    facts = Facts(digest_of(content), *size, turned=turned)
    check_pixels(*size)
    if facts.short_side < LEAST_SIDE:
        raise NotUsableError(
            f"has {facts.width} x {facts.height} pixels; at least {LEAST_SIDE} on the short side are needed, "
            f"{ADVISED_SIDE} advised"
        )
    return facts


def beyond(size: int) -> str:
    """Return what is wrong with a file of so many bytes, as the rest of a sentence."""
    return f"has {size / 1048576:.0f} MB; the limit is {MOST_FILE_BYTES // 1048576} MB"


def _unsupported(content: bytes, kind: str | None) -> str:
    if not content:
        return "is empty"
    if kind is None:
        return f"is {'a web page' if content.lstrip()[:1] == b'<' else 'not an image'}; PNG or JPEG is needed"
    return f"is a {kind} image, {decoding.how_to_support(kind)}"
