# SPDX-License-Identifier: Apache-2.0
"""Making an image fit for training: upright, sRGB, square, 512 x 512, below the service's 5 MB."""

from __future__ import annotations

import io

from airflow_provider_dreambooth.api.upload_call import MOST_BYTES
from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.header import looks_like
from airflow_provider_dreambooth.images.inspection import EXTRA
from airflow_provider_dreambooth.images.limits import ADVISED_SIDE, NotUsableError

#: Of a converted image that is not cropped and does not fit as PNG.
_JPEG_QUALITY = 95


def too_large(size: int, *, crop: bool) -> str | None:
    """
    Return why a file of this size in bytes cannot be uploaded, ``None`` when it can.

    :param size: bytes of the file as it is.
    :param crop: whether it may be made smaller.
    """
    if size <= MOST_BYTES:
        return None
    megabytes = f"has {size / 1048576:.1f} MB and the service takes 5 MB at most"
    if not crop:
        return f"{megabytes}; crop=True makes it smaller"
    if not decoding.AVAILABLE:
        return f"{megabytes}; with the extra that makes images smaller it can be used: pip install '{EXTRA}'"
    return None


def prepared(content: bytes, *, crop: bool) -> bytes:
    """
    Return the file to upload.

    With ``crop`` its middle square, 512 x 512, as PNG: the service's trainer has failed jobs with the words "make sure
    its png files" (observed). Otherwise the file itself, unless a program that reads nothing but its pixels would see
    something else than a person does: then those are converted.

    :param content: the bytes of an image that was inspected.
    :param crop: whether to cut it.
    :raises NotUsableError: it cannot be decoded, or is too large once converted.
    """
    kind = looks_like(content)
    if not decoding.AVAILABLE or kind is None:
        return content
    view = decoding.view(content, kind, side=ADVISED_SIDE if crop else None)
    if not crop and view.plain and kind in ("PNG", "JPEG"):
        return content
    for form, options in (("PNG", {}), ("JPEG", {"quality": _JPEG_QUALITY})):
        out = io.BytesIO()
        view.pixels.save(out, form, **options)
        if out.tell() <= MOST_BYTES:
            return out.getvalue()
    raise NotUsableError("has more than the service's 5 MB once it is converted; crop=True makes it smaller")
