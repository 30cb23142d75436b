# SPDX-License-Identifier: Apache-2.0
"""A rendered image: shows the prompt, the model, and the training images that went into it."""

from __future__ import annotations

import colorsys
import hashlib
import io
import random
import textwrap

from PIL import Image, ImageDraw, ImageFont, ImageOps

from airflow_provider_dreambooth.emulator.rendering import Rendering

# Of an image whose shorter side is 512 pixels.
_MARGIN, _CAPTION, _THUMBNAIL = 20, 128, 54
_LARGE, _SMALL = 19, 13


def black_png(width: int, height: int) -> bytes:
    """Return the blank that replaces an image the safety checker dislikes."""
    return _png(Image.new("RGB", (width, height)))


def rendered_png(rendering: Rendering, index: int, training_images: list[bytes | None]) -> bytes:
    """Draw one image of a rendering; the same request and seed give the same image.

    :param training_images: as PNG, None where one was not downloaded.
    """
    width, height = rendering.width, rendering.height
    generator = random.Random(f"{rendering.seed}:{index}:{rendering.model_id}:{rendering.prompt}")
    tiles = [_tile(link, png) for link, png in zip(rendering.images, training_images, strict=True)]
    generator.shuffle(tiles)
    hue = generator.random()
    dark, light = _colour(hue, 0.25), _colour(hue, 1.0)
    ground = tiles[0] if tiles else Image.linear_gradient("L").convert("RGB")
    ground = ImageOps.fit(ground, (width, height))
    # The seed gives the tint.
    tint = ImageOps.colorize(ImageOps.grayscale(ground), dark, light)
    image = Image.blend(ground, tint, 0.3 if tiles else 1.0)
    unit = min(width, height) / 512
    margin, top, side = round(_MARGIN * unit), height - round(_CAPTION * unit), round(_THUMBNAIL * unit)
    for place, tile in enumerate(tiles[: (width - margin) // (side + margin // 2)]):
        image.paste(
            tile.resize((side, side)), (margin + place * (side + margin // 2), top - side - margin // 2)
        )
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, top, width, height), fill="#080a12")
    trained = f", trained on {rendering.subject}" if rendering.subject else ""
    lines: list[tuple[str, int, str | tuple[int, int, int]]] = [
        *((line, _LARGE, "white") for line in _wrapped(rendering.prompt, width, round(_LARGE * unit), 2)),
        (f"model {rendering.training_id or rendering.model_id}{trained}", _SMALL, light),
        (
            f"seed {rendering.seed}, sample {index + 1} of {rendering.samples}, {rendering.steps} steps",
            _SMALL,
            light,
        ),
    ]
    y = top + margin / 2
    for text, size, colour in lines:
        draw.text((margin, y), text, font=ImageFont.load_default(max(8, round(size * unit))), fill=colour)
        y += 1.35 * size * unit
    return _png(image)


def _tile(link: str, png: bytes | None) -> Image.Image:
    if png is None:
        # A training image that was not downloaded has a colour of its own.
        return Image.new("RGB", (64, 64), "#" + hashlib.sha256(link.encode()).hexdigest()[:6])
    with Image.open(io.BytesIO(png)) as opened:
        return ImageOps.fit(opened.convert("RGB"), (512, 512))


def _colour(hue: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.4, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _wrapped(text: str, width: int, size: int, most: int) -> list[str]:
    """Break a text into lines; a letter of the default font is about half as wide as high."""
    return textwrap.wrap(text, max(8, int(2 * (width - 2 * size) / size)), max_lines=most, placeholder=" …")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
