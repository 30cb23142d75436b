"""Which bytes are a picture to train with."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from airflow_provider_dreambooth.images.inspection import NotUsableError, inspect
from tests.emulated_task import photo


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (256, 256), (300, 1200)])
@pytest.mark.parametrize("saved", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + b"x" * 5000}])
def test_the_size_of_a_picture_is_read(
    kind: str, width: int, height: int, saved: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = photo(width, height, kind=kind, **saved)
    assert (inspect(content).width, inspect(content).height) == (width, height)
    # None in sys.modules is what a missing package looks like.
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert (inspect(content).width, inspect(content).height) == (width, height)


def test_the_same_content_has_the_same_digest_and_another_has_another() -> None:
    assert inspect(photo(tone=1)).digest == inspect(photo(tone=1)).digest
    assert inspect(photo(tone=1)).digest != inspect(photo(tone=2)).digest


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"<!doctype html><p>", "is a web page"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "is a WebP picture"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"GIF89a", "is something else"),
        (b"\x89PNG\r\n\x1a\n", "is broken"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is broken"),
        (b"\xff\xd8\xff" + b"\xff" * 50, "is broken"),
        (photo(255, 600), "255 x 600 pixels; at least 256"),
        (photo(600, 255, kind="JPEG"), "600 x 255 pixels; at least 256"),
    ],
)
def test_what_cannot_be_trained_with_is_named(content: bytes, what: str) -> None:
    with pytest.raises(NotUsableError, match=what):
        inspect(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_off_in_the_middle_is_found(kind: str) -> None:
    content = photo(kind=kind)
    with pytest.raises(NotUsableError, match="cannot be decoded"):
        inspect(content[: len(content) // 2])
