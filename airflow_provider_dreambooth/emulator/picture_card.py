"""The rendered picture: shows the prompt, the model and the training pictures that went into it."""

from __future__ import annotations

import colorsys
import hashlib
import io
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from airflow_provider_dreambooth.emulator.rendering import Rendering

_Colour = tuple[int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def black_png(width: int, height: int) -> bytes:
    """Return the blank that replaces a picture the safety checker dislikes.

    :param width: pixels.
    :param height: pixels.
    """
    return _png(Image.new("RGB", (width, height)))


def placeholder(link: str, side: int) -> Image.Image:
    """Return a tile for a training picture that was not downloaded.

    :param link: its link.
    :param side: pixels.
    """
    digest = hashlib.sha256(link.encode()).digest()
    tile = Image.new("RGB", (side, side), (60 + digest[0] // 3, 60 + digest[1] // 3, 60 + digest[2] // 3))
    draw = ImageDraw.Draw(tile)
    name = link.rstrip("/").rsplit("/", 1)[-1].partition("?")[0][:18]
    draw.text(
        (side / 2, side / 2), name, font=ImageFont.load_default(max(9, side // 12)), fill="white", anchor="mm"
    )
    return tile


def card_png(rendering: Rendering, index: int, pictures: list[bytes | None]) -> bytes:
    """Draw one picture of a render; the same request and seed give the same picture.

    :param rendering: the render.
    :param index: number of the sample.
    :param pictures: the training pictures, None where one was not downloaded.
    """
    width, height = rendering.width, rendering.height
    generator = random.Random(f"{rendering.seed}:{index}:{rendering.model_id}:{rendering.prompt}")
    side = max(64, min(width, height))
    tiles = [_tile(link, data, side) for link, data in zip(rendering.images, pictures, strict=True)]
    generator.shuffle(tiles)
    hue = generator.randint(0, 255)
    shade, glow = _colour(hue, 150, 60), _colour((hue + 20) % 256, 90, 255)
    card = Image.new("RGB", (width, height), shade)
    unit = side / 512
    margin, caption = round(20 * unit), round(128 * unit)
    if tiles:
        # The subject fills the picture; a second one shines through at its edges and the seed gives the tint.
        hero = ImageOps.fit(tiles[0], (width, height))
        other = ImageOps.fit(tiles[-1], (width, height)).filter(ImageFilter.GaussianBlur(side / 16))
        mask = ImageOps.fit(Image.radial_gradient("L"), (width, height)).point(
            [value // 2 for value in range(256)]
        )
        hero = Image.composite(other, hero, mask)
        tint = ImageOps.colorize(ImageOps.grayscale(hero), shade, glow)
        card = ImageChops.offset(Image.blend(hero, tint, 0.22), 0, -caption // 3)
    else:
        _abstract(card, generator, (0, 0, width, height - caption), glow)
    _caption(card, rendering, index, height - caption, unit, margin, glow)
    if len(tiles) > 1:
        strip, gap = round(54 * unit), round(6 * unit)
        count = min(len(tiles), max(1, (width - margin) // (strip + gap)))
        x = (width - count * strip - (count - 1) * gap) // 2
        for tile in tiles[:count]:
            corner = (x, height - caption - strip - round(10 * unit))
            _paste_rounded(card, tile.resize((strip, strip)), corner, round(8 * unit), (255, 255, 255))
            x += strip + gap
    return _png(card)


def _tile(link: str, data: bytes | None, side: int) -> Image.Image:
    if data is None:
        return placeholder(link, side)
    with Image.open(io.BytesIO(data)) as opened:
        return ImageOps.fit(opened.convert("RGB"), (side, side))


def _colour(hue: int, saturation: int, value: int) -> _Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue / 255, saturation / 255, value / 255)
    return round(red * 255), round(green * 255), round(blue * 255)


def _caption(
    card: Image.Image, rendering: Rendering, index: int, top: int, unit: float, margin: int, glow: _Colour
) -> None:
    veil = Image.new("RGBA", card.size, (0, 0, 0, 0))
    ImageDraw.Draw(veil).rectangle((0, top, *card.size), fill=(8, 10, 18, 236))
    card.paste(veil, (0, 0), veil)
    draw = ImageDraw.Draw(card)
    draw.rectangle((0, top, card.width, top + max(2, round(3 * unit))), fill=glow)
    big, small = (
        ImageFont.load_default(max(9, round(19 * unit))),
        ImageFont.load_default(max(8, round(13 * unit))),
    )
    y: float = top + round(14 * unit)
    for line in _wrapped(draw, rendering.prompt, big, card.width - 2 * margin, 2):
        draw.text((margin, y), line, font=big, fill="white")
        y += 25 * unit
    facts = [
        f"model {rendering.training_id or rendering.model_id}",
        f"seed {rendering.seed} · sample {index + 1} of {rendering.samples} · {rendering.steps} steps",
    ]
    if rendering.subject:
        facts[0] += f" · trained on “{rendering.subject}”"
    y = card.height - round(44 * unit)
    for fact in facts:
        line = _wrapped(draw, fact, small, card.width - 2 * margin, 1)[0]
        draw.text((margin, y), line, font=small, fill=glow)
        y += 18 * unit


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: _Font, width: float, most: int) -> list[str]:
    lines = [""]
    for word in " ".join(text.split()).split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    shown = lines[:most]
    if len(lines) > most:
        shown[-1] += " …"
    while draw.textlength(shown[-1], font=font) > width and len(shown[-1]) > 2:
        shown[-1] = shown[-1].removesuffix("…").rstrip()[:-1] + "…"
    return shown


def _paste_rounded(
    card: Image.Image, tile: Image.Image, corner: tuple[int, int], radius: int, border: _Colour
) -> None:
    big = Image.new("L", (tile.width * 3, tile.height * 3), 0)
    ImageDraw.Draw(big).rounded_rectangle((0, 0, big.width - 1, big.height - 1), radius=radius * 3, fill=255)
    mask = big.resize(tile.size, Image.Resampling.LANCZOS)
    edge = max(2, tile.width // 30)
    frame = Image.new("RGB", (tile.width + 2 * edge, tile.height + 2 * edge), border)
    card.paste(frame, (corner[0] - edge, corner[1] - edge), big.resize(frame.size, Image.Resampling.LANCZOS))
    card.paste(tile, corner, mask)


def _abstract(
    card: Image.Image, generator: random.Random, box: tuple[int, int, int, int], glow: _Colour
) -> None:
    """Fill the space of a public model, which has no training pictures, with soft circles."""
    layer = Image.new("RGBA", card.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    for _ in range(14):
        radius = generator.randint(card.width // 20, card.width // 5)
        x, y = generator.randint(box[0], box[2]), generator.randint(box[1], box[3])
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill=(*glow, generator.randint(30, 110))
        )
    card.paste(layer, (0, 0), layer)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
