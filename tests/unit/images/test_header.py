# SPDX-License-Identifier: Apache-2.0
"""What the first bytes of an image tell."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.images.header import looks_like, size_in_header
from tests.emulated_task import photo


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", "AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", None),
        (b"GIF89a", "GIF"),
        (b"II*\0", "TIFF"),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_a_format_is_told_by_its_first_bytes(start: bytes, kind: str | None) -> None:
    assert looks_like(start) == kind


@pytest.mark.parametrize("stray", [b"\0", b"\xff\xff\xff", b"garbage", b"\xff\x01"])
def test_stray_bytes_between_two_jpeg_segments_are_passed_over(stray: bytes) -> None:
    content = photo(640, 480, kind="JPEG")
    length = int.from_bytes(content[4:6], "big")
    assert size_in_header(content[: 4 + length] + stray + content[4 + length :]) == (640, 480)


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff" + b"\xff" * 50, b"\xff\xd8\xff\xe0\0\0" * 9, b"\x89PNG\r\n\x1a\n"]
)
def test_a_header_without_a_size_has_none(content: bytes) -> None:
    assert size_in_header(content) is None
