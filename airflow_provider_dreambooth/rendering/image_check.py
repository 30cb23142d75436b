# SPDX-License-Identifier: Apache-2.0
"""
Whether bytes are an image, to the end.

A link can answer 200 with a page, with nothing, or with the first half of an image. Where Pillow is installed the bytes are
decoded; without it their structure is followed to the end of the format.
"""

from __future__ import annotations

import binascii
import io

#: Most pixels that are decoded: four times each side of the largest documented image (upscale), and some room.
MOST_PIXELS = 64_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
#: Markers of a JPEG that have no length behind them.
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA


class BrokenImageError(ValueError):
    """The bytes are no whole image; the text says what they are, as the rest of a sentence."""


def ending_of(content: bytes) -> str:
    """
    Return the ending of the name that a whole image should have.

    :param content: all of its bytes.
    :raises BrokenImageError: they are no image, or not all of one.
    """
    if content.startswith(_PNG):
        ending, whole = ".png", _is_whole_png(content)
    elif content.startswith(_JPEG):
        ending, whole = ".jpg", _is_whole_jpeg(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        size = 8 + int.from_bytes(content[4:8], "little")
        ending, whole = ".webp", len(content) >= size
    elif content[:4] == b"GIF8":
        ending, whole = ".gif", content.rstrip(b"\0").endswith(b";")
    else:
        raise BrokenImageError(_what_it_is(content))
    if not whole:
        raise BrokenImageError(f"{len(content)} bytes of an image that is cut short or damaged")
    _decode(content)
    return ending


def _what_it_is(content: bytes) -> str:
    if not content:
        return "nothing"
    start = content[:200].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return f"{len(content)} bytes of an HTML page"
    if start.startswith(b"<"):
        return f"{len(content)} bytes of XML"
    return f"{len(content)} bytes that are no image"


def _is_whole_png(content: bytes) -> bool:
    place = len(_PNG)
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4])
        kind = content[place + 4 : place + 8]
        end = place + 8 + length
        if end + 4 > len(content):
            return False
        if binascii.crc32(content[place + 4 : end]) != int.from_bytes(content[end : end + 4]):
            return False
        if kind == b"IEND":
            return True
        place = end + 4
    return False


def _is_whole_jpeg(content: bytes) -> bool:
    place = 2
    while place + 2 <= len(content):
        if content[place] != 0xFF:
            return False
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker == _START_OF_SCAN:
            return bytes((0xFF, _END_OF_IMAGE)) in content[place:]
        else:
            place += 2 + max(2, int.from_bytes(content[place + 2 : place + 4]))
    return False


def _decode(content: bytes) -> None:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BrokenImageError(
                    f"an image of {image.width} x {image.height} pixels, too large to be a result"
                )
            image.load()
    except UnidentifiedImageError:
        # A format that this Pillow was built without; a PNG or JPEG that it does not know is none.
        if content.startswith((_PNG, _JPEG)):
            raise BrokenImageError(f"{len(content)} bytes of an image that cannot be decoded") from None
    except BrokenImageError:
        raise
    except Exception as error:
        # Pillow's decoders raise whatever the damage leads to: OSError, SyntaxError, struct.error, ValueError ...
        raise BrokenImageError(f"{len(content)} bytes of an image that cannot be decoded ({error})") from None
