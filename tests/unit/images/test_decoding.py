# SPDX-License-Identifier: Apache-2.0
"""Images as a person sees them, from every kind of file."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms

from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.decoding import View, view
from airflow_provider_dreambooth.images.limits import MOST_PIXELS, NotUsableError
from tests.emulated_task import photo
from tests.requirements import required_modules

RED, WHITE, GREY = (255, 0, 0), (255, 255, 255), (128, 128, 128)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def seen(content: bytes, kind: str = "PNG", side: int | None = 512) -> View:
    return view(content, kind, side=side)


def colour(content: bytes, kind: str = "PNG") -> tuple[int, int, int]:
    pixel: tuple[int, int, int] = seen(content, kind).pixels.getpixel((5, 5))
    return pixel


def close(one: tuple[int, ...], other: tuple[int, ...], by: int = 3) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def palette(*colours: tuple[int, int, int]) -> Image.Image:
    image = Image.new("P", (600, 600), 1)
    image.putpalette([part for entry in colours for part in entry])
    return image


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("16-bit grey", saved(Image.new("I;16", (600, 600), 32896)), GREY),
        ("8-bit grey", saved(Image.new("L", (600, 600), 128)), GREY),
        ("black and white", saved(Image.new("1", (600, 600), 1)), WHITE),
        ("black and white with a transparent tone", saved(Image.new("1", (600, 600)), transparency=0), WHITE),
        ("transparent grey", saved(Image.new("LA", (600, 600), (0, 0))), WHITE),
        ("half transparent grey", saved(Image.new("LA", (600, 600), (0, 127))), GREY),
        ("grey with a transparent tone", saved(Image.new("L", (600, 600), 7), transparency=7), WHITE),
        ("palette", saved(palette((0, 0, 0), RED)), RED),
        ("palette with a transparent entry", saved(palette((0, 0, 0), RED), transparency=1), WHITE),
        ("palette with half of it", saved(palette((0, 0, 0), (0, 0, 0)), transparency=b"\xff\x7f"), GREY),
        ("transparent", saved(Image.new("RGBA", (600, 600), (255, 0, 0, 0))), WHITE),
        ("half transparent", saved(Image.new("RGBA", (600, 600), (0, 0, 0, 127))), GREY),
        ("colour with a transparent tone", saved(Image.new("RGB", (600, 600), RED), transparency=RED), WHITE),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_png_of_every_mode_looks_as_a_person_sees_it(
    name: str, content: bytes, expected: tuple[int, int, int]
) -> None:
    assert close(colour(content), expected, by=1)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("CMYK", (600, 600), (0, 255, 255, 0)), RED),
        (Image.new("L", (600, 600), 128), GREY),
        (Image.new("YCbCr", (600, 600), (128, 128, 128)), GREY),
    ],
)
def test_a_jpeg_of_every_mode_looks_as_a_person_sees_it(
    image: Image.Image, expected: tuple[int, int, int]
) -> None:
    assert close(colour(saved(image, "JPEG", quality=95), "JPEG"), expected)


def test_a_ramp_of_16_bits_keeps_its_tones() -> None:
    ramp = Image.new("I;16", (512, 512))
    for across in range(512):
        for down in range(512):
            ramp.putpixel((across, down), across * 128)
    tones = [seen(saved(ramp)).pixels.getpixel((across, 9))[0] for across in (0, 128, 256, 511)]
    assert close(tuple(tones), (0, 64, 128, 255))


def test_16_bit_grey_with_a_transparent_tone_is_refused() -> None:
    content = saved(Image.new("I;16", (600, 600), 5))
    chunk = b"tRNS\0\5"
    at = content.index(b"IDAT") - 4
    with_tone = content[:at] + b"\0\0\0\2" + chunk + zlib.crc32(chunk).to_bytes(4, "big") + content[at:]
    with pytest.raises(NotUsableError, match="8 bits a channel"):
        seen(with_tone)


@pytest.mark.parametrize("kind", ["F", "LAB", "HSV"])
def test_colour_modes_that_are_not_supported_are_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # No format that is read has them today; a later Pillow may.
    monkeypatch.setattr(Image, "open", lambda *_, **__: Image.new(kind, (600, 600)))
    with pytest.raises(NotUsableError, match=f"the colour mode {kind}"):
        seen(b"")


def swapped_profile() -> bytes:
    """A profile that shows green for red, so that nobody can overlook whether it was applied."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * profile[131], 12)}
    red, green = (entries[name] + 4 for name in (b"rXYZ", b"gXYZ"))
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_another_colour_profile_is_converted_and_not_carried_along(kind: str) -> None:
    content = saved(Image.new("RGB", (600, 600), RED), kind, icc_profile=swapped_profile())
    result = seen(content, "WebP" if kind == "WEBP" else kind)
    assert close(result.pixels.getpixel((5, 5)), (0, 255, 0), by=6)
    assert not result.plain
    assert "icc_profile" not in Image.open(io.BytesIO(saved(result.pixels))).info


def test_a_profile_reaches_transparent_and_palette_images_too() -> None:
    for image in (Image.new("RGBA", (600, 600), (*RED, 255)), palette((0, 0, 0), RED)):
        assert close(colour(saved(image, icc_profile=swapped_profile())), (0, 255, 0), by=6)


@pytest.mark.parametrize("profile", [b"no profile", swapped_profile()])
def test_a_profile_that_does_not_fit_is_ignored_as_viewers_do(profile: bytes) -> None:
    assert close(colour(saved(Image.new("L", (600, 600), 128), icc_profile=profile)), GREY)


def test_the_tones_of_a_linear_png_are_converted() -> None:
    content = saved(Image.new("L", (600, 600), 55))
    chunk = b"gAMA" + (100_000).to_bytes(4, "big")
    at = content.index(b"IDAT") - 4
    linear = content[:at] + b"\0\0\0\4" + chunk + zlib.crc32(chunk).to_bytes(4, "big") + content[at:]
    assert close(colour(linear), (127, 127, 127))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_photograph_is_turned_upright(orientation: int, kind: str) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", (900, 600), "white")
    image.paste("red", (150, 0, 450, 300))
    content = saved(image, kind, exif=exif, **({} if kind == "PNG" else {"quality": 95}))
    expected = ImageOps.fit(ImageOps.exif_transpose(Image.open(io.BytesIO(content))), (512, 512))
    result = seen(content, "WebP" if kind == "WEBP" else kind)
    for place in ((20, 20), (490, 20), (20, 490), (490, 490)):
        assert close(result.pixels.getpixel(place), expected.getpixel(place), by=12)  # type: ignore[arg-type]
    assert (result.width, result.height) == ((600, 900) if orientation >= 5 else (900, 600))
    assert result.turned == (orientation != 1)


def test_a_heic_photograph_is_used_where_pillow_heif_is_installed() -> None:
    required_modules("pillow_heif", group="test")
    assert "HEIC" in decoding.formats()
    content = saved(Image.new("RGB", (900, 600), RED), "HEIF", quality=95)
    result = seen(content, "HEIC")
    assert close(result.pixels.getpixel((5, 5)), RED)
    assert (result.width, result.height) == (900, 600)
    with pytest.raises(NotUsableError, match="cannot be decoded to its end"):
        seen(content[: len(content) // 2], "HEIC")


def test_where_a_photograph_was_taken_is_not_carried_along() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    result = saved(seen(saved(Image.new("RGB", (600, 600)), "JPEG", exif=exif), "JPEG").pixels)
    assert b"at home" not in result


@pytest.mark.parametrize("kind", ["PNG", "WebP"])
def test_an_animation_is_refused(kind: str) -> None:
    frames = [Image.new("RGB", (600, 600), tone) for tone in ("red", "blue")]
    content = saved(frames[0], kind.upper(), save_all=True, append_images=frames[1:])
    with pytest.raises(NotUsableError, match="is an animation"):
        seen(content, kind)


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    content = saved(Image.new("L", (600, 600), 128), "JPEG", progressive=True)
    last = content[content.rfind(b"\xff\xc4", 0, content.rfind(b"\xff\xda")) : -2]
    with pytest.raises(NotUsableError, match="too many scans"):
        seen(content[:-2] + last * 200 + content[-2:], "JPEG")
    # A video behind the image, as phones put there, is not taken for scans.
    assert seen(content + b"\xff\xda\x00\x08" * 200, "JPEG").width == 600


def test_a_jpeg_with_a_second_image_behind_it_is_no_animation() -> None:
    images = [Image.new("RGB", (600, 600), tone) for tone in ("red", "blue")]
    content = saved(images[0], "MPO", save_all=True, append_images=images[1:])
    assert close(colour(content, "JPEG"), RED)


def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytearray(saved(Image.new("L", (600, 600))))
    content[16:24] = (13_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")

    def decoded(self: Any, *_: Any) -> None:
        raise AssertionError("was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    assert MOST_PIXELS < 13_000**2
    with pytest.raises(NotUsableError, match="13000 x 13000 pixels, more than the limit of 64 million"):
        seen(bytes(content))


def test_pixels_that_pillow_itself_refuses_are_reported_in_the_same_words() -> None:
    content = bytearray(saved(Image.new("L", (600, 600))))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with pytest.raises(NotUsableError, match="too many pixels"):
        seen(bytes(content))


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("progressive", [True, False])
def test_a_jpeg_without_its_end_marker_is_used(cut: int, progressive: bool) -> None:
    whole = photo(900, 700, kind="JPEG", quality=90, progressive=progressive)
    assert seen(whole[:-cut], "JPEG").pixels.tobytes() == seen(whole, "JPEG").pixels.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_is_cut_off_is_refused(kind: str, share: float) -> None:
    whole = photo(900, 700, kind=kind)
    with pytest.raises(NotUsableError, match="cannot be decoded to its end"):
        seen(whole[: int(share * len(whole))], "WebP" if kind == "WEBP" else kind)


@pytest.mark.parametrize(
    "extra", [b"tEXt" + b"x" * 3_000_000, b"zTXtname\0\0" + zlib.compress(b"x" * 3_000_000)]
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_png_with_a_damaged_or_long_text_is_used(extra: bytes, whole: bool) -> None:
    content = photo()
    checksum = zlib.crc32(extra) if whole else 1
    chunk = (len(extra) - 4).to_bytes(4, "big") + extra + checksum.to_bytes(4, "big")
    with_text = content[:33] + chunk + content[33:]
    assert seen(with_text).pixels.tobytes() == seen(content).pixels.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_bytes_behind_the_end_of_an_image_do_not_matter(kind: str) -> None:
    content = photo(kind=kind)
    assert seen(content + b"\0" * 5000, kind).pixels.tobytes() == seen(content, kind).pixels.tobytes()


def test_the_whole_image_is_returned_when_no_side_is_asked_for() -> None:
    assert seen(photo(640, 480), side=None).pixels.size == (640, 480)


def test_a_format_without_its_decoder_is_not_taken_for_a_damaged_file() -> None:
    assert "pillow-heif" in decoding.how_to_support("HEIC")
    assert "not supported" in decoding.how_to_support("TIFF")
