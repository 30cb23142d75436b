# SPDX-License-Identifier: Apache-2.0
"""What the first bytes of an image tell, without any library."""

from __future__ import annotations

import re

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
#: JPEG markers that carry the size: all "start of frame" but those of tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: JPEG markers without a length after them: TEM, RST0 to RST7, SOI.
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"heim": "HEIC",
    b"heis": "HEIC",
    b"hevc": "HEIC",
    b"hevx": "HEIC",
    b"mif1": "HEIC",
    b"msf1": "HEIC",
}
_OTHERS = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"8BPS": "PSD",
    b"\0\0\1\0": "ICO",
}


def looks_like(content: bytes) -> str | None:
    """Return the name of the format that the first bytes are of, ``None`` when they are of no image."""
    if content.startswith(_PNG):
        return "PNG"
    if content.startswith(_JPEG):
        return "JPEG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    if content[4:8] == b"ftyp":
        return _brand(content)
    return next((name for start, name in _OTHERS.items() if content.startswith(start)), None)


def size_in_header(content: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG or JPEG file, ``None`` when it does not say."""
    if content.startswith(_PNG):
        return _sides(content[16:20], content[20:24]) if content[12:16] == b"IHDR" else None
    at = 2
    while at + 9 < len(content):
        if content[at] != 0xFF:
            # Viewers pass over stray bytes between two segments.
            at = content.find(b"\xff", at)
            if at < 0:
                return None
            continue
        marker = content[at + 1]
        if marker in _FRAMES:
            return _sides(content[at + 7 : at + 9], content[at + 5 : at + 7])
        if marker in (0x00, 0xFF):
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    return None


def scans_in(content: bytes) -> int:
    """Return how many passes over its pixels a JPEG asks for; what follows its end, such as a video, does not count."""
    at, scans = 2, 0
    while found := _MARKER.search(content, at):
        at = found.end()
        marker = content[at - 1]
        if marker == _END_OF_IMAGE:
            break
        scans += marker == _START_OF_SCAN
        if marker not in _ALONE:
            at += int.from_bytes(content[at : at + 2], "big")
    return scans


def _sides(width: bytes, height: bytes) -> tuple[int, int] | None:
    sides = int.from_bytes(width, "big"), int.from_bytes(height, "big")
    return sides if all(sides) else None


def _brand(content: bytes) -> str | None:
    """Return the format by the main brand, else by the compatible ones."""
    end = min(int.from_bytes(content[:4], "big"), 256)
    brands = [content[8:12], *(content[at : at + 4] for at in range(16, end, 4))]
    names = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    return "AVIF" if "AVIF" in names else names[0] if names else None
