"""Whether bytes are a picture that the service can train with.

The header is read without any library; with Pillow (the extra ``images``) the whole picture is decoded as well, so
that a file cut off in the middle is found before a training is paid.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

#: The service trains at 512 x 512 and enlarges what is smaller (documented; observed in the trainer).
ADVISED_SIDE = 512
#: Below half of that, three of four pixels would be made up: refused.
LEAST_SIDE = 256
#: Most bytes of one picture that are read at all.
LARGEST = 64 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
#: JPEG markers that carry the size: all "start of frame" but those of tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class NotUsableError(Exception):
    """The bytes are no picture to train with; the text says why, as the rest of a sentence."""


@dataclass(frozen=True)
class Facts:
    """
    What is known of a picture's content.

    :param digest: stands for the content.
    :param width: pixels.
    :param height: pixels.
    """

    digest: str
    width: int
    height: int

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side."""
        return min(self.width, self.height)


def digest_of(content: bytes) -> str:
    """Return what stands for a picture's content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()[:32]


def inspect(content: bytes) -> Facts:
    """
    Return the facts about a picture.

    :param content: the bytes of the file.
    :raises NotUsableError: it is no PNG or JPEG, broken, or too small.
    """
    if content.startswith(_PNG):
        size = _png_size(content)
    elif content.startswith(_JPEG):
        size = _jpeg_size(content)
    else:
        raise NotUsableError(f"is {_what_it_is(content)}, not a PNG or JPEG picture")
    if size is None:
        raise NotUsableError("is broken: it begins like a picture and has no size")
    facts = Facts(digest_of(content), *size)
    if facts.short_side < LEAST_SIDE:
        raise NotUsableError(
            f"has {facts.width} x {facts.height} pixels; at least {LEAST_SIDE} on the short side are needed, "
            f"{ADVISED_SIDE} advised"
        )
    _decode(content)
    return facts


def _png_size(content: bytes) -> tuple[int, int] | None:
    if len(content) < 24 or content[12:16] != b"IHDR":
        return None
    return _sides(content[16:20], content[20:24])


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker in _FRAMES:
            return _sides(content[at + 7 : at + 9], content[at + 5 : at + 7])
        # Fill bytes come alone, every other segment with its length.
        at += 1 if marker == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def _sides(width: bytes, height: bytes) -> tuple[int, int] | None:
    sides = int.from_bytes(width, "big"), int.from_bytes(height, "big")
    return sides if all(sides) else None


def _what_it_is(content: bytes) -> str:
    if not content:
        return "empty"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "a WebP picture"
    if content[4:8] == b"ftyp":
        return "a HEIC or AVIF picture, or a film"
    if content.lstrip()[:1] == b"<":
        return "a web page"
    return "something else"


def _decode(content: bytes) -> None:
    try:
        from PIL import Image
    except ImportError:
        return
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            picture.load()
    except Image.DecompressionBombError:
        raise NotUsableError("has more pixels than can be decoded safely; make it smaller") from None
    except Exception as error:
        # Pillow raises whatever the broken part leads to.
        raise NotUsableError(f"is broken and cannot be decoded ({str(error)[:100]})") from None
