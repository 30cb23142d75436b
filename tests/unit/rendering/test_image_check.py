# SPDX-License-Identifier: Apache-2.0
"""Bytes are an image when they decode to the end."""

from __future__ import annotations

import sys

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.rendering import image_check
from airflow_provider_dreambooth.rendering.image_check import BrokenImageError, ending_of
from tests.emulated_task import photo

FORMATS = [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("GIF", ".gif")]


IMAGES: dict[str, bytes] = {kind: photo(64, 64, kind=kind) for kind, _ in FORMATS}


@pytest.fixture(params=["with Pillow", "without Pillow"])
def pillow(request: pytest.FixtureRequest, mocker: MockerFixture) -> None:
    """Both ways to read the bytes."""
    if request.param == "without Pillow":
        mocker.patch.dict(sys.modules, {"PIL": None})


@pytest.mark.parametrize(("kind", "ending"), FORMATS)
def test_a_whole_image_has_the_ending_of_its_format(pillow: None, kind: str, ending: str) -> None:
    assert ending_of(IMAGES[kind]) == ending
    assert ending_of(IMAGES[kind] + b"\0\0") == ending


@pytest.mark.parametrize(("kind", "ending"), FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_an_image_that_was_cut_is_none(pillow: None, kind: str, ending: str, share: float) -> None:
    content = IMAGES[kind]
    with pytest.raises(BrokenImageError, match=r"cut short or damaged|no image"):
        ending_of(content[: int(len(content) * share)])


def test_an_image_with_a_damaged_byte_is_none(pillow: None) -> None:
    content = bytearray(IMAGES["PNG"])
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(BrokenImageError):
        ending_of(bytes(content))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "nothing"),
        (b"<!DOCTYPE html><html>", "HTML page"),
        (b"  <html>", "HTML page"),
        (b"<?xml version='1.0'?><Error>", "XML"),
        (b'{"status": "error"}', "no image"),
        (b"\x89PNG\r\n\x1a\n", "cut short"),
        (b"\xff\xd8\xff", "cut short"),
        (b"RIFF\xff\xff\xff\xffWEBP", "cut short"),
        (b"GIF8", "cut short"),
    ],
)
def test_what_is_no_image_is_named(pillow: None, content: bytes, what: str) -> None:
    with pytest.raises(BrokenImageError, match=what):
        ending_of(content)


def test_an_image_of_absurd_size_is_not_decoded(mocker: MockerFixture) -> None:
    mocker.patch.object(image_check, "MOST_PIXELS", 64 * 64 - 1)
    with pytest.raises(BrokenImageError, match="64 x 64 pixels"):
        ending_of(IMAGES["PNG"])
