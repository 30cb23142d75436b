"""The sample pictures: three drawn subjects, eight pictures each, the same on every machine."""

from __future__ import annotations

import functools
import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter, ImageOps

SIDE = 512
_SCALE = 2
_Colour = tuple[int, int, int]
_BACKDROPS: tuple[tuple[_Colour, _Colour], ...] = (
    ((255, 214, 165), (244, 130, 96)),
    ((189, 224, 254), (72, 118, 190)),
    ((205, 234, 192), (62, 134, 96)),
    ((226, 207, 244), (110, 84, 168)),
    ((255, 236, 179), (226, 158, 62)),
    ((186, 232, 232), (39, 126, 138)),
    ((250, 208, 220), (184, 76, 118)),
    ((214, 219, 229), (84, 98, 124)),
)


def _backdrop(number: int, generator: random.Random) -> Image.Image:
    size = SIDE
    top, bottom = _BACKDROPS[(number - 1) % len(_BACKDROPS)]
    shades = Image.linear_gradient("L").resize((size, size))
    picture = ImageOps.colorize(shades, top, bottom)
    # Soft spots of light; drawn small, because blurring is what takes the time.
    small = size // 4
    veil = Image.new("L", (small, small))
    draw = ImageDraw.Draw(veil)
    for _ in range(9):
        radius = generator.randint(20, 85) * small // SIDE * 2
        x, y = generator.randint(0, small), generator.randint(0, small)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=generator.randint(18, 60))
    veil = veil.filter(ImageFilter.GaussianBlur(1.2)).resize((size, size))
    picture.paste(Image.new("RGB", (size, size), "white"), (0, 0), veil)
    return picture


class _Pen:
    """Draws in a square of 100 by 100 around the subject's middle."""

    def __init__(self, picture: Image.Image, scale: float, dx: float, dy: float) -> None:
        self._draw = ImageDraw.Draw(picture)
        self._unit = SIDE * _SCALE / 100 * scale
        self._x = SIDE * _SCALE / 2 + dx * SIDE * _SCALE / 100
        self._y = SIDE * _SCALE / 2 + dy * SIDE * _SCALE / 100

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self._x + x * self._unit, self._y + y * self._unit

    def oval(self, x: float, y: float, rx: float, ry: float, fill: _Colour) -> None:
        self._draw.ellipse((*self.at(x - rx, y - ry), *self.at(x + rx, y + ry)), fill=fill)

    def shape(self, points: list[tuple[float, float]], fill: _Colour) -> None:
        self._draw.polygon([self.at(x, y) for x, y in points], fill=fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: _Colour, corner: float = 3) -> None:
        self._draw.rounded_rectangle(
            (*self.at(x0, y0), *self.at(x1, y1)), radius=corner * self._unit, fill=fill
        )

    def line(self, points: list[tuple[float, float]], fill: _Colour, width: float = 1.2) -> None:
        pixels = max(1, round(width * self._unit))
        self._draw.line([self.at(x, y) for x, y in points], fill=fill, width=pixels, joint="curve")

    def arc(
        self, oval: tuple[float, float, float, float], span: tuple[int, int], fill: _Colour, width: float
    ) -> None:
        x, y, rx, ry = oval
        box = (*self.at(x - rx, y - ry), *self.at(x + rx, y + ry))
        self._draw.arc(box, *span, fill=fill, width=max(1, round(width * self._unit)))


def _eyes(pen: _Pen, x: float, y: float, mood: int, colour: _Colour) -> None:
    for side in (-1, 1):
        if mood == 1 or (mood == 2 and side == 1):
            pen.arc((side * x, y + 1, 4, 4), (180, 360), colour, 1.3)
        else:
            pen.oval(side * x, y, 3.4, 4.2, colour)
            pen.oval(side * x + 1.1, y - 1.4, 1.2, 1.4, (255, 255, 255))


def _fox(pen: _Pen, number: int) -> None:
    coat, dark, cream = (226, 110, 44), (70, 40, 34), (255, 240, 222)
    tilt = (number % 3 - 1) * 3
    pen.shape([(-46, 90), (-20, 22), (20, 22), (46, 90)], coat)
    pen.shape([(-16, 90), (-8, 26), (8, 26), (16, 90)], cream)
    for side in (-1, 1):
        pen.shape([(side * 29, -36 + tilt * side), (side * 30, -4), (side * 7, -19)], coat)
        pen.shape([(side * 26, -28 + tilt * side), (side * 26, -10), (side * 13, -18)], dark)
    pen.oval(0, 1, 30, 25, coat)
    pen.shape([(-30, 2), (0, 33), (30, 2), (12, 6), (0, -4), (-12, 6)], cream)
    pen.shape([(-10, 20), (0, 33), (10, 20)], cream)
    pen.oval(0, 25, 4.6, 3.6, dark)
    _eyes(pen, 13, 2, number % 4 - 1, dark)
    if number % 2 == 0:
        pen.box(-24, 33, 24, 41, (46, 94, 140) if number % 4 else (150, 40, 70), 4)
        pen.box(8, 36, 17, 54, (46, 94, 140) if number % 4 else (150, 40, 70), 3)


def _robot(pen: _Pen, number: int) -> None:
    shell, dark, glow = (206, 214, 224), (52, 62, 80), (94, 234, 212) if number % 2 else (253, 186, 70)
    pen.line([(0, -28), ((number % 3 - 1) * 6, -40)], dark, 1.6)
    pen.oval((number % 3 - 1) * 6, -41, 3.6, 3.6, glow)
    pen.box(-34, -10, -27, 8, (238, 108, 77), 3)
    pen.box(27, -10, 34, 8, (238, 108, 77), 3)
    pen.box(-24, 24, 24, 100, (170, 180, 196), 7)
    pen.box(-12, 32, 12, 46, dark, 3)
    for index in range(3):
        pen.oval(-7 + index * 7, 39, 2, 2, glow if index == number % 3 else (104, 116, 138))
    pen.box(-6, 18, 6, 27, dark, 1)
    pen.box(-28, -28, 28, 21, shell, 9)
    pen.box(-22, -19, 22, 8, dark, 7)
    for side in (-1, 1):
        if number % 4 == 3:
            pen.box(side * 11 - 5, -7, side * 11 + 5, -4, glow, 1)
        else:
            pen.oval(side * 11, -6, 5, 5.6, glow)
            pen.oval(side * 11 + 1, -7, 1.8, 2, (255, 255, 255))
    for index in range(5):
        pen.box(-10 + index * 4.2, 12, -7.4 + index * 4.2, 17, (130, 142, 160), 0.6)


def _teapot(pen: _Pen, number: int) -> None:
    glaze, light, dark = (34, 116, 148), (108, 184, 204), (18, 68, 92)
    pen.arc((29, 6, 16, 18), (255, 105), dark, 5)
    pen.shape([(-22, 4), (-40, -16), (-45, -12), (-38, 2), (-24, 22)], glaze)
    pen.oval(-42.4, -14, 3.4, 2.8, dark)
    pen.oval(0, 10, 32, 27, glaze)
    pen.box(-18, 33, 18, 39, dark, 2)
    pen.oval(-10, 1, 9, 12, light)
    pen.oval(-9, 2, 9.5, 12.5, glaze)
    pen.oval(0, -15, 18, 5, dark)
    pen.oval(0, -18, 16, 5.5, light)
    pen.oval(0, -25, 4.4, 4.4, (240, 190, 80))
    for index in range(6):
        angle = math.tau * index / 6 + number
        pen.oval(8 + 6.4 * math.cos(angle), 14 + 6.4 * math.sin(angle), 3.6, 3.6, (252, 238, 214))
    pen.oval(8, 14, 3.6, 3.6, (240, 190, 80))
    for index in range(number % 3 + 1):
        x = -43 + index * 5
        wave = [(x + 2.4 * math.sin(step / 2 + index), -20 - step * 1.8) for step in range(11)]
        pen.line(wave, (255, 255, 255), 1.4)


_SUBJECTS = {"fox": _fox, "robot": _robot, "teapot": _teapot}


@functools.lru_cache(maxsize=64)
def sample_png(subject: str, number: int) -> bytes:
    """Return a sample picture of 512 by 512.

    :param subject: fox, robot or teapot.
    :param number: 1 to 8.
    """
    generator = random.Random(f"{subject}-{number}")
    picture = _backdrop(number + len(subject), generator)
    # Drawn large and made small for smooth edges; everything else is done at the final size, which is quicker.
    layer = Image.new("RGBA", (SIDE * _SCALE, SIDE * _SCALE), (0, 0, 0, 0))
    pen = _Pen(layer, generator.uniform(0.76, 0.98), generator.uniform(-5, 5), generator.uniform(-3, 5))
    _SUBJECTS[subject](pen, number)
    layer = layer.reduce(_SCALE).rotate(generator.uniform(-9, 9), Image.Resampling.BICUBIC)
    if number % 3 == 0:
        layer = layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    small = (picture.width // 4, picture.height // 4)
    shadow = layer.getchannel("A").resize(small).filter(ImageFilter.GaussianBlur(2)).resize(picture.size)
    shadow = shadow.point([value * 2 // 5 for value in range(256)])
    picture.paste(Image.new("RGB", picture.size, (30, 20, 40)), (5, 11), shadow)
    picture.paste(layer, (0, 0), layer)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
