"""Pictures made fit for training."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from airflow_provider_dreambooth.images import preparation
from airflow_provider_dreambooth.images.preparation import prepared, too_large
from tests.emulated_task import photo


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (300, 700), (512, 512)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_every_picture_becomes_512_by_512_png(width: int, height: int, kind: str) -> None:
    result = opened(prepared(photo(width, height, kind=kind)))
    assert (result.size, result.format, result.mode) == ((512, 512), "PNG", "RGB")


def test_the_middle_is_kept_and_not_squeezed() -> None:
    wide = Image.new("RGB", (900, 300), "red")
    wide.paste("blue", (300, 0, 600, 300))
    out = io.BytesIO()
    wide.save(out, "PNG")
    result = opened(prepared(out.getvalue()))
    assert [result.getpixel((across, 256)) for across in (10, 256, 500)] == [(0, 0, 255)] * 3


def test_a_photograph_that_lies_on_its_side_is_put_upright() -> None:
    picture = Image.new("RGB", (600, 600), "red")
    picture.paste("blue", (0, 0, 600, 300))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees, clockwise
    out = io.BytesIO()
    picture.save(out, "PNG", exif=exif)
    result = opened(prepared(out.getvalue()))
    assert result.getpixel((500, 250)) == (0, 0, 255)
    assert result.getpixel((10, 250)) == (255, 0, 0)


def test_what_is_transparent_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (600, 600), (255, 0, 0, 0)).save(out, "PNG")
    assert opened(prepared(out.getvalue())).getpixel((5, 5)) == (255, 255, 255)


def test_below_5_mb_nothing_is_needed() -> None:
    assert too_large(5 * 1024 * 1024, crop=False) is None


def test_above_5_mb_pillow_is_needed_and_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 5 * 1024 * 1024 + 1
    assert too_large(size, crop=True) is None
    assert "crop=True" in str(too_large(size, crop=False))
    monkeypatch.setattr(preparation, "has_pillow", lambda: False)
    assert "pip install 'airflow-provider-dreambooth[images]'" in str(too_large(size, crop=True))
