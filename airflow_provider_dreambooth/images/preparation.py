"""Making a picture fit for training: upright, square, 512 x 512, below the service's 5 MB."""

from __future__ import annotations

import io

from airflow_provider_dreambooth.api.upload_call import MOST_BYTES
from airflow_provider_dreambooth.images.inspection import ADVISED_SIDE, NotUsableError

EXTRA = "airflow-provider-dreambooth[images]"


def has_pillow() -> bool:
    """Whether pictures can be worked on here."""
    from importlib.util import find_spec

    return find_spec("PIL") is not None


def too_large(size: int, *, crop: bool) -> str | None:
    """
    Return why a picture of this size in bytes cannot be uploaded, ``None`` when it can.

    :param size: bytes of the file as it is.
    :param crop: whether it may be made smaller.
    """
    if size <= MOST_BYTES:
        return None
    megabytes = f"has {size / 1048576:.1f} MB and the service takes 5 MB at most"
    if not crop:
        return f"{megabytes}; crop=True makes it smaller"
    if not has_pillow():
        return (
            f"{megabytes}; with the extra that makes pictures smaller it can be used: pip install '{EXTRA}'"
        )
    return None


def prepared(content: bytes) -> bytes:
    """
    Return the picture cut to its middle square, 512 x 512, as PNG.

    PNG, because the service's trainer has failed jobs with the words "make sure its png files" (observed).

    :param content: a PNG or JPEG file.
    :raises NotUsableError: it cannot be decoded.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
            # Photographs of telephones lie on their side and say so in a field that the service does not read.
            upright = ImageOps.exif_transpose(opened)
            if upright.has_transparency_data:
                white = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(white, upright.convert("RGBA"))
            square = ImageOps.fit(
                upright.convert("RGB"), (ADVISED_SIDE, ADVISED_SIDE), Image.Resampling.LANCZOS
            )
    except Exception as error:
        raise NotUsableError(f"cannot be decoded ({str(error)[:100]})") from None
    out = io.BytesIO()
    square.save(out, "PNG")
    return out.getvalue()
