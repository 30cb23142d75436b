# SPDX-License-Identifier: Apache-2.0
"""Which bytes are an image to train with."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.inspection import inspect
from airflow_provider_dreambooth.images.limits import MOST_FILE_BYTES, NotUsableError
from tests.emulated_task import photo


@pytest.fixture(params=[True, False], ids=["with Pillow", "without Pillow"])
def pillow(request: pytest.FixtureRequest, mocker: MockerFixture) -> bool:
    names = {"PNG", "JPEG", "WebP", "AVIF"} if request.param else {"PNG", "JPEG"}
    mocker.patch.object(decoding, "AVAILABLE", new=request.param)
    mocker.patch.object(decoding, "formats", return_value=frozenset(names))
    return bool(request.param)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (256, 256), (300, 1200)])
@pytest.mark.parametrize("saved", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + b"x" * 5000}])
def test_the_size_of_an_image_is_read(
    kind: str, width: int, height: int, saved: dict[str, Any], pillow: bool
) -> None:
    content = photo(width, height, kind=kind, **saved)
    assert (inspect(content).width, inspect(content).height) == (width, height)


def test_the_same_content_has_the_same_digest_and_another_has_another() -> None:
    assert inspect(photo(tone=1)).digest == inspect(photo(tone=1)).digest
    assert inspect(photo(tone=1)).digest != inspect(photo(tone=2)).digest


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"<!doctype html><p>", "is a web page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC image"),
        (b"GIF89a", "is a GIF image, which is not supported"),
        (b"II*\0", "is a TIFF image, which is not supported"),
        (b"no image", "is not an image"),
        (photo(255, 600), "255 x 600 pixels; at least 256"),
        (photo(600, 255, kind="JPEG"), "600 x 255 pixels; at least 256"),
        (b"\xff\xd8\xff" + b"\0" * MOST_FILE_BYTES, "has 64 MB; the limit is 64 MB"),
    ],
)
def test_what_cannot_be_trained_with_is_named(content: bytes, what: str, pillow: bool) -> None:
    with pytest.raises(NotUsableError, match=what):
        inspect(content)


def test_without_pillow_a_jpeg_that_viewers_show_is_not_called_broken(mocker: MockerFixture) -> None:
    mocker.patch.object(decoding, "AVAILABLE", new=False)
    mocker.patch.object(decoding, "formats", return_value=frozenset({"PNG", "JPEG"}))
    content = photo(kind="JPEG")
    assert inspect(content[:2] + b"\xff\xff\xff" + content[3:]).width == 640
    with pytest.raises(
        NotUsableError, match="its size could not be read; open it in a viewer and save it again"
    ):
        inspect(b"\xff\xd8\xff" + b"\xff" * 50)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_webp_and_avif_are_used_with_pillow_alone(kind: str, mocker: MockerFixture) -> None:
    out = io.BytesIO()
    Image.new("RGB", (640, 480)).save(out, kind)
    assert (inspect(out.getvalue()).width, inspect(out.getvalue()).height) == (640, 480)
    mocker.patch.object(decoding, "AVAILABLE", new=False)
    mocker.patch.object(decoding, "formats", return_value=frozenset({"PNG", "JPEG"}))
    with pytest.raises(NotUsableError, match=r"pip install 'airflow-provider-dreambooth\[images\]'"):
        inspect(out.getvalue())


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_off_in_the_middle_is_found(kind: str) -> None:
    content = photo(kind=kind)
    with pytest.raises(NotUsableError, match="cannot be decoded"):
        inspect(content[: len(content) // 2])
