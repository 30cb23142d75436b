# SPDX-License-Identifier: Apache-2.0
"""The sample images: three drawn subjects, eight images each, the same on every machine."""

from __future__ import annotations

import functools
import io
import random

from PIL import Image, ImageDraw, ImageOps

SIDE = 512
_SCALE = 2
_Shape = tuple[str, tuple[float, ...], str]
_BACKDROPS = (
    ("#ffd6a5", "#f48260"),
    ("#bde0fe", "#4876be"),
    ("#cdeac0", "#3e8660"),
    ("#e2cff4", "#6e54a8"),
    ("#ffecb3", "#e29e3e"),
    ("#bae8e8", "#277e8a"),
    ("#fad0dc", "#b84c76"),
    ("#d6dbe5", "#54627c"),
)
# Shape, its coordinates in a square of -50 to 50, colour.
_FOX: tuple[_Shape, ...] = (
    ("polygon", (-46, 90, -20, 22, 20, 22, 46, 90), "#e26e2c"),
    ("polygon", (-16, 90, -8, 26, 8, 26, 16, 90), "#fff0de"),
    ("polygon", (-29, -36, -30, -4, -7, -19), "#e26e2c"),
    ("polygon", (29, -36, 30, -4, 7, -19), "#e26e2c"),
    ("polygon", (-26, -28, -26, -10, -13, -18), "#462822"),
    ("polygon", (26, -28, 26, -10, 13, -18), "#462822"),
    ("ellipse", (-30, -24, 30, 26), "#e26e2c"),
    ("polygon", (-30, 2, 0, 33, 30, 2, 12, 6, 0, -4, -12, 6), "#fff0de"),
    ("ellipse", (-5, 21, 5, 29), "#462822"),
    ("ellipse", (-17, -2, -9, 7), "#462822"),
    ("ellipse", (9, -2, 17, 7), "#462822"),
    ("rectangle", (-24, 33, 24, 41), "#2e5e8c"),
)
_ROBOT: tuple[_Shape, ...] = (
    ("rectangle", (-1, -40, 1, -28), "#343e50"),
    ("ellipse", (-4, -45, 4, -37), "#5eead4"),
    ("rectangle", (-34, -10, -27, 8), "#ee6c4d"),
    ("rectangle", (27, -10, 34, 8), "#ee6c4d"),
    ("rectangle", (-24, 24, 24, 100), "#aab4c4"),
    ("rectangle", (-12, 32, 12, 46), "#343e50"),
    ("ellipse", (-3, 36, 3, 42), "#5eead4"),
    ("rectangle", (-6, 18, 6, 27), "#343e50"),
    ("rectangle", (-28, -28, 28, 21), "#ced6e0"),
    ("rectangle", (-22, -19, 22, 8), "#343e50"),
    ("ellipse", (-16, -11, -6, 0), "#5eead4"),
    ("ellipse", (6, -11, 16, 0), "#5eead4"),
    ("rectangle", (-10, 12, 10, 16), "#828ea0"),
)
_TEAPOT: tuple[_Shape, ...] = (
    ("ellipse", (16, -12, 45, 24), "#12445c"),
    ("ellipse", (22, -6, 39, 18), "#6cb8cc"),
    ("polygon", (-22, 4, -40, -16, -45, -12, -38, 2, -24, 22), "#227494"),
    ("ellipse", (-32, -17, 32, 37), "#227494"),
    ("rectangle", (-18, 33, 18, 39), "#12445c"),
    ("ellipse", (-19, -11, -3, 13), "#6cb8cc"),
    ("ellipse", (-18, -20, 18, -10), "#12445c"),
    ("ellipse", (-16, -24, 16, -13), "#6cb8cc"),
    ("ellipse", (-4, -29, 4, -21), "#f0be50"),
    ("ellipse", (1, 7, 15, 21), "#fceed6"),
    ("ellipse", (5, 11, 11, 17), "#f0be50"),
)
_SUBJECTS = {"fox": _FOX, "robot": _ROBOT, "teapot": _TEAPOT}


@functools.lru_cache(maxsize=24)
def sample_png(subject: str, number: int) -> bytes:
    """Return a sample image of 512 by 512. Backdrop, size, place and angle make the eight of a subject differ.

    :param subject: fox, robot or teapot.
    :param number: 1 to 8.
    """
    generator = random.Random(f"{subject}-{number}")
    top, bottom = _BACKDROPS[(number + len(subject)) % len(_BACKDROPS)]
    image = ImageOps.colorize(Image.linear_gradient("L").resize((SIDE, SIDE)), top, bottom)
    # Drawn large and made small for smooth edges.
    layer = Image.new("RGBA", (SIDE * _SCALE, SIDE * _SCALE), (0, 0, 0, 0))
    draw, unit = ImageDraw.Draw(layer), SIDE * _SCALE / 100
    scale = generator.uniform(0.76, 0.98) * unit
    x, y = (50 + generator.uniform(-5, 5)) * unit, (50 + generator.uniform(-3, 5)) * unit
    for shape, numbers, colour in _SUBJECTS[subject]:
        points = [number * scale + (y if place % 2 else x) for place, number in enumerate(numbers)]
        getattr(draw, shape)(points, fill=colour)
    layer = layer.reduce(_SCALE).rotate(generator.uniform(-9, 9), Image.Resampling.BICUBIC)
    image.paste(layer, (0, 0), layer)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
