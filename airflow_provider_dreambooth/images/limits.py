# SPDX-License-Identifier: Apache-2.0
"""How large an image may be, so that nobody's file takes the worker's memory."""

from __future__ import annotations

#: The service trains at 512 x 512 and enlarges what is smaller (documented; observed in the trainer).
ADVISED_SIDE = 512
#: Below half of that, three of four pixels would be made up: refused.
LEAST_SIDE = 256
#: Most bytes of one file or link that are read at all.
MOST_FILE_BYTES = 64 * 1024 * 1024
#: Most pixels of an image that is decoded, one at a time and with up to 8 bytes a pixel: about 500 MB at the worst.
MOST_PIXELS = 64_000_000
#: Most images of one task.
MOST_IMAGES = 1000
#: Links that are fetched at the same time, each to a temporary file.
LINKS_AT_ONCE = 4


class NotUsableError(Exception):
    """The bytes are no image to train with; the text says why, as the rest of a sentence."""


def check_pixels(width: int, height: int) -> None:
    """
    Refuse an image by the size in its header, before it is decoded.

    :raises NotUsableError: it has more than :data:`MOST_PIXELS`.
    """
    if width * height > MOST_PIXELS:
        raise NotUsableError(
            f"has {width} x {height} pixels, more than the limit of {MOST_PIXELS // 1_000_000} million; "
            "make it smaller"
        )
