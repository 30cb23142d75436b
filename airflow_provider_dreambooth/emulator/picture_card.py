"""The rendered picture: a card that shows the prompt, the model and the training pictures that went into it."""

from __future__ import annotations

import hashlib
import io
import random

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from airflow_provider_dreambooth.emulator.rendering import Rendering

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
    draw.text((side / 2, side / 2), name, font=ImageFont.load_default(max(9, side // 12)), fill="white", anchor="mm")
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
    tiles = [
        ImageOps.fit(Image.open(io.BytesIO(data)).convert("RGB"), (side, side)) if data else placeholder(link, side)
        for link, data in zip(rendering.images, pictures, strict=True)
    ]
    order = list(range(len(tiles)))
    generator.shuffle(order)
    hue = generator.randint(0, 255)
    dark = Image.new("HSV", (1, 1), (hue, 150, 52)).convert("RGB").getpixel((0, 0))
    glow = Image.new("HSV", (1, 1), ((hue + 20) % 256, 110, 250)).convert("RGB").getpixel((0, 0))
    assert isinstance(dark, tuple) and isinstance(glow, tuple)
    card = Image.new("RGB", (width, height), dark)
    if tiles:
        first, second = tiles[order[0]], tiles[order[-1]]
        blend = ImageOps.fit(Image.blend(first, second, 0.35), (width, height))
        blend = ImageEnhance.Brightness(blend.filter(ImageFilter.GaussianBlur(side / 22))).enhance(0.62)
        card = Image.blend(blend, card, 0.30)
    unit = side / 512
    margin = round(20 * unit)
    text_height = round(150 * unit)
    strip = round(58 * unit) if len(tiles) > 1 else 0
    hero_side = max(48, min(width - 2 * margin, height - text_height - strip - 3 * margin))
    if tiles:
        hero = tiles[order[0]].resize((hero_side, hero_side))
        _paste_rounded(card, hero, ((width - hero_side) // 2, margin), round(18 * unit), glow)
    else:
        _abstract(card, generator, (margin, margin, width - margin, margin + hero_side), glow)
    if strip:
        count = min(len(tiles), max(1, (width - 2 * margin) // (strip + round(6 * unit))))
        gap = round(6 * unit)
        x = (width - count * strip - (count - 1) * gap) // 2
        for position in order[:count]:
            _paste_rounded(card, tiles[position].resize((strip, strip)), (x, 2 * margin + hero_side - margin // 3), round(8 * unit), None)
            x += strip + gap
    _caption(card, rendering, index, height - text_height, unit, margin, glow)
    return _png(card)


def _caption(
    card: Image.Image, rendering: Rendering, index: int, top: int, unit: float, margin: int, glow: tuple[int, ...]
) -> None:
    veil = Image.new("RGBA", card.size, (0, 0, 0, 0))
    ImageDraw.Draw(veil).rectangle((0, top, *card.size), fill=(8, 10, 18, 190))
    card.paste(veil, (0, 0), veil)
    draw = ImageDraw.Draw(card)
    draw.rectangle((0, top, card.width, top + max(2, round(3 * unit))), fill=glow)
    big, small = ImageFont.load_default(max(9, round(19 * unit))), ImageFont.load_default(max(8, round(13 * unit)))
    y: float = top + round(14 * unit)
    for line in _wrapped(draw, rendering.prompt, big, card.width - 2 * margin, 3):
        draw.text((margin, y), line, font=big, fill="white")
        y += 25 * unit
    facts = [
        f"model {rendering.training_id or rendering.model_id}",
        f"seed {rendering.seed} · sample {index + 1} of {rendering.samples} · {rendering.steps} steps",
    ]
    if rendering.subject:
        facts[0] += f" · trained on “{rendering.subject}”"
    y = card.height - round(46 * unit)
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
    card: Image.Image, tile: Image.Image, corner: tuple[int, int], radius: int, border: tuple[int, ...] | None
) -> None:
    big = Image.new("L", (tile.width * 3, tile.height * 3), 0)
    ImageDraw.Draw(big).rounded_rectangle((0, 0, big.width - 1, big.height - 1), radius=radius * 3, fill=255)
    mask = big.resize(tile.size, Image.Resampling.LANCZOS)
    if border is not None:
        edge = max(2, tile.width // 110)
        frame = Image.new("RGB", (tile.width + 2 * edge, tile.height + 2 * edge), border)
        card.paste(frame, (corner[0] - edge, corner[1] - edge), big.resize(frame.size, Image.Resampling.LANCZOS))
    card.paste(tile, corner, mask)


def _abstract(
    card: Image.Image, generator: random.Random, box: tuple[int, int, int, int], glow: tuple[int, ...]
) -> None:
    """Fill the space of a public model, which has no training pictures, with soft circles."""
    layer = Image.new("RGBA", card.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    for _ in range(14):
        radius = generator.randint(card.width // 20, card.width // 5)
        x, y = generator.randint(box[0], box[2]), generator.randint(box[1], box[3])
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*glow[:3], generator.randint(30, 110)))
    card.paste(layer, (0, 0), layer)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
