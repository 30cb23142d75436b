# SPDX-License-Identifier: Apache-2.0
"""Images made fit for training."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.limits import NotUsableError
from airflow_provider_dreambooth.images.preparation import prepared, too_large
from tests.emulated_task import photo


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (300, 700), (512, 512)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_every_image_becomes_512_by_512_png(width: int, height: int, kind: str) -> None:
    result = opened(prepared(photo(width, height, kind=kind), crop=True))
    assert (result.size, result.format, result.mode) == ((512, 512), "PNG", "RGB")


def test_the_middle_is_kept_and_not_squeezed() -> None:
    wide = Image.new("RGB", (900, 300), "red")
    wide.paste("blue", (300, 0, 600, 300))
    out = io.BytesIO()
    wide.save(out, "PNG")
    result = opened(prepared(out.getvalue(), crop=True))
    assert [result.getpixel((across, 256)) for across in (10, 256, 500)] == [(0, 0, 255)] * 3


def test_an_uncropped_file_goes_up_as_it_is() -> None:
    for kind in ("PNG", "JPEG"):
        content = photo(kind=kind)
        assert prepared(content, crop=False) == content


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_an_uncropped_file_that_the_service_does_not_take_is_converted(kind: str) -> None:
    result = opened(prepared(photo(640, 480, kind=kind), crop=False))
    assert (result.size, result.format) == ((640, 480), "PNG")


def test_an_uncropped_photograph_that_lies_on_its_side_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert opened(prepared(photo(640, 480, kind="JPEG", exif=exif), crop=False)).size == (480, 640)


def test_a_converted_file_that_is_too_large_as_png_becomes_jpeg() -> None:
    noise = Image.effect_noise((2000, 1600), 60)
    out = io.BytesIO()
    Image.merge("RGB", [noise] * 3).save(out, "WEBP", quality=50)
    result = prepared(out.getvalue(), crop=False)
    assert (opened(result).format, opened(result).size) == ("JPEG", (2000, 1600))
    assert len(result) <= 5 * 1024 * 1024


def test_a_converted_file_that_is_too_large_in_any_case_is_refused(mocker: MockerFixture) -> None:
    mocker.patch("airflow_provider_dreambooth.images.preparation.MOST_BYTES", 1000)
    with pytest.raises(NotUsableError, match="crop=True makes it smaller"):
        prepared(photo(kind="WEBP"), crop=False)


def test_below_5_mb_nothing_is_needed() -> None:
    assert too_large(5 * 1024 * 1024, crop=False) is None


def test_above_5_mb_pillow_is_needed_and_the_extra_is_named(mocker: MockerFixture) -> None:
    size = 5 * 1024 * 1024 + 1
    assert too_large(size, crop=True) is None
    assert "crop=True" in str(too_large(size, crop=False))
    mocker.patch.object(decoding, "AVAILABLE", new=False)
    assert "pip install 'airflow-provider-dreambooth[images]'" in str(too_large(size, crop=True))
