# SPDX-License-Identifier: Apache-2.0
"""
Images as a person sees them: upright, in sRGB, on white, one decoded at a time.

The only place that imports Pillow, the extra ``images``; without it PNG and JPEG files go to the service as they are.
"""

from __future__ import annotations

import contextlib
import io
import threading
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow_provider_dreambooth.images.header import scans_in
from airflow_provider_dreambooth.images.limits import NotUsableError, check_pixels

try:
    from PIL import Image, ImageCms, features

    AVAILABLE = True
except ImportError:
    AVAILABLE = False

#: Our name of a format -> Pillow's. Few on purpose: every decoder is code that strangers' bytes run through.
_FORMATS = {"PNG": "PNG", "JPEG": "JPEG", "WebP": "WEBP", "AVIF": "AVIF", "HEIC": "HEIF"}
_ORIENTATION = 0x0112
#: A decoder takes much more memory than the file has bytes: one at a time, whatever is waiting.
_ONE_AT_A_TIME = threading.Lock()
_JPEG_END = b"\xff\xd9"
#: A progressive JPEG usually has ten. Each goes over all pixels, and a few bytes make one.
_MOST_SCANS = 100
#: PNG chunks that make the image, and those that change how it is seen.
_NEEDED_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_LOOK_CHUNKS = frozenset({b"iCCP", b"gAMA", b"sRGB", b"eXIf"})
_LARGEST_LOOK_CHUNK = 256 * 1024
#: Orientations whose sides change places.
_LYING = frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class View:
    """
    An image as a person sees it.

    :param pixels: Pillow's image: mode RGB, upright, sRGB.
    :param width: of the whole image, upright.
    :param height: of the whole image, upright.
    :param turned: the file itself lies on its side.
    :param plain: the file shows the same to a program that reads nothing but its pixels.
    """

    pixels: Any
    width: int
    height: int
    turned: bool
    plain: bool


@cache
def formats() -> frozenset[str]:
    """Return the names of the formats that can be used here."""
    if not AVAILABLE:
        return frozenset({"PNG", "JPEG"})
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    names = {name for name, pillow in _FORMATS.items() if pillow in Image.OPEN}
    for name, feature in (("WebP", "webp"), ("AVIF", "avif")):
        if name in names and not features.check(feature):
            names.discard(name)
    return frozenset(names)


def how_to_support(kind: str) -> str:
    """Return what makes a format usable, as the rest of a sentence."""
    if kind not in _FORMATS:
        return "which is not supported; save it as PNG or JPEG"
    if kind == "HEIC" and AVAILABLE:
        return "which needs the package pillow-heif on the worker; install it, or save the image as JPEG"
    if AVAILABLE:
        return "which the Pillow of this worker was built without; save it as PNG or JPEG"
    return "which needs Pillow to be converted: pip install 'airflow-provider-dreambooth[images]', or save it as PNG"


def view(content: bytes, kind: str, *, side: int | None) -> View:
    """
    Decode an image to its end.

    :param kind: its format, one of :func:`formats`.
    :param side: pixels of the middle square to return; ``None`` for the whole image.
    :raises NotUsableError: too many pixels, an animation, colours without a single look, or damaged.
    """
    if kind == "JPEG" and scans_in(content) > _MOST_SCANS:
        raise NotUsableError("is made of too many scans; open it in a viewer and save it again")
    with _ONE_AT_A_TIME:
        try:
            return _view(content, kind, side)
        except NotUsableError:
            raise
        except Exception as error:
            # Pillow raises whatever the damaged part leads to.
            reason = " ".join(str(error).split())[:100] or type(error).__name__
        try:
            if kind == "PNG":
                return _view(_seen_chunks(content), kind, side)
            if kind == "JPEG":
                return _view_without_end(content, side)
        except NotUsableError:
            raise
        except Exception:
            pass
    raise NotUsableError(
        f"cannot be decoded to its end ({reason}); if a viewer shows all of it, save it again from there"
    )


def _view(content: bytes, kind: str, side: int | None) -> View:
    with contextlib.ExitStack() as stack:
        try:
            image: Any = stack.enter_context(Image.open(io.BytesIO(content), formats=(_FORMATS[kind],)))
        except Image.DecompressionBombError:
            raise NotUsableError("has too many pixels; make it smaller") from None
        width, height = image.size
        check_pixels(width, height)
        # Other formats may hold further images behind the one that viewers show, such as its depth.
        if kind in ("PNG", "WebP") and getattr(image, "is_animated", False):
            raise NotUsableError("is an animation; save the frame to train with as a separate image")
        if kind == "JPEG" and side is not None:
            # Decodes at a half, a quarter or an eighth, as long as twice the wanted size is left.
            image.draft(None, (2 * side, 2 * side))
        image.load()
        orientation = _orientation(image)
        info = dict(image.info)
        plain = (
            orientation == 1
            and image.mode in ("L", "RGB")
            and not image.has_transparency_data
            and not info.get("icc_profile")
            and _gamma(info) is None
        )
        pixels = _resizable(image, kind)
        if side is not None:
            pixels = _middle_square(pixels, side)
        pixels = _on_white(pixels, info)
        if orientation != 1:
            pixels = pixels.transpose(_turns()[orientation])
        if orientation in _LYING:
            width, height = height, width
        # Profile and camera data stay behind: they describe other pixels than these, and where they were taken.
        pixels.info.clear()
        return View(pixels, width, height, turned=orientation != 1, plain=plain)


def _resizable(image: Any, kind: str) -> Any:
    """Return the image with values that can be mixed with each other, and its transparency as a channel."""
    mode, transparent = image.mode, image.has_transparency_data
    if mode.startswith("I;16") or (mode == "I" and kind == "PNG"):
        if transparent:
            raise NotUsableError("is 16-bit grey with a transparent tone; save it with 8 bits a channel")
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if transparent and mode != "LA":
        return image.convert("RGBA")
    if mode == "1":
        return image.convert("L")
    if mode == "P":
        return image.convert("RGB")
    if mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    raise NotUsableError(f"has the colour mode {mode}, which is not supported; save it as 8-bit PNG")


def _middle_square(image: Any, side: int) -> Any:
    least = min(image.size)
    left, top = ((length - least) / 2 for length in image.size)
    box = (left, top, left + least, top + least)
    return image.resize((side, side), Image.Resampling.LANCZOS, box=box)


def _on_white(image: Any, info: dict[Any, Any]) -> Any:
    alpha = None
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        image = image.convert("RGB" if image.mode == "RGBA" else "L")
    image = _in_srgb(image, info)
    if alpha is None:
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=alpha)
    return white


def _in_srgb(image: Any, info: dict[Any, Any]) -> Any:
    profile = info.get("icc_profile")
    if profile:
        # A profile that is damaged or of other colours than the image is ignored, as viewers do.
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    gamma = _gamma(info)
    if gamma is not None and image.mode in ("L", "RGB"):
        table = [round(255 * (value / 255) ** (1 / (2.2 * gamma))) for value in range(256)]
        image = image.point(table * len(image.getbands()))
    return image.convert("RGB")


def _gamma(info: dict[Any, Any]) -> float | None:
    """Return the exponent of a PNG whose tones are not those of sRGB, ``None`` when they are."""
    gamma = info.get("gamma")
    if not gamma or info.get("icc_profile") or "srgb" in info or abs(gamma * 2.2 - 1) < 0.02:
        return None
    return float(gamma) if 0.1 <= gamma <= 10 else None


def _orientation(image: Any) -> int:
    """Return how the image lies, from 1 (upright) to 8."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        # Damaged camera data; viewers show such an image as it lies.
        return 1
    return orientation if orientation in _turns() else 1


@cache
def _turns() -> dict[int, Any]:
    """Return what turns an image upright, by its orientation."""
    how = Image.Transpose
    return {
        2: how.FLIP_LEFT_RIGHT,
        3: how.ROTATE_180,
        4: how.FLIP_TOP_BOTTOM,
        5: how.TRANSPOSE,
        6: how.ROTATE_270,
        7: how.TRANSVERSE,
        8: how.ROTATE_90,
    }


def _seen_chunks(content: bytes) -> bytes:
    """Return a PNG without the chunks that viewers pass over: damaged ones, long texts, bytes behind the end."""
    pieces, at = [content[:8]], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind, piece = content[at + 4 : at + 8], content[at : at + 12 + length]
        whole = len(piece) == 12 + length and zlib.crc32(piece[4:-4]) == int.from_bytes(piece[-4:], "big")
        if kind in _NEEDED_CHUNKS or (kind in _LOOK_CHUNKS and whole and length <= _LARGEST_LOOK_CHUNK):
            pieces.append(piece)
        if kind == b"IEND":
            break
        at += 12 + length
    return b"".join([*pieces, b"\0\0\0\0IEND" + zlib.crc32(b"IEND").to_bytes(4, "big")])


def _view_without_end(content: bytes, side: int | None) -> View:
    """
    Decode a JPEG whose end marker alone is missing.

    What is put in its place shows whether pixels are missing as well: they would come out of it.
    """
    content = content.removesuffix(_JPEG_END[:1])
    ended = _view(content + _JPEG_END, "JPEG", side)
    filled = _view(content + b"\x55\x2a" * 2048 + _JPEG_END, "JPEG", side)
    if ended.pixels.tobytes() != filled.pixels.tobytes():
        raise ValueError("the rest of the image is missing")
    return ended
