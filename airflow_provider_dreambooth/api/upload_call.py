# SPDX-License-Identifier: Apache-2.0
"""The call that turns a local image into a public link (row J)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from airflow_provider_dreambooth.api.answer import unreadable
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.identifier import identifier
from airflow_provider_dreambooth.api.link_text import service_link
from airflow_provider_dreambooth.api.results import UploadedImage
from airflow_provider_dreambooth.exceptions import DreamboothValidationError

#: Documented limit of an upload (documentation page "base64_crop").
MOST_BYTES = 5 * 1024 * 1024
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def media_type(content: bytes, name: str) -> str:
    """
    Return ``image/png`` or ``image/jpeg`` by the first bytes.

    :param name: what the image is called, for the message.
    :raises DreamboothValidationError: it is neither.
    """
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            return kind
    raise DreamboothValidationError(
        f"{name} is neither PNG nor JPEG. The service takes only these; convert it first. "
        "Nothing was sent to the service and nothing was paid."
    )


def upload(content: bytes, *, crop: bool = True, name: str = "the image") -> ApiCall[UploadedImage]:
    """
    Return the call that uploads an image. Free.

    :param content: the bytes of a PNG or JPEG file, 5 MB at most.
    :param crop: let the service cut it to 512 x 512.
    :param name: what the image is called, for messages.
    :raises DreamboothValidationError: too large, or no PNG or JPEG.
    """
    kind = media_type(content, name)
    if len(content) > MOST_BYTES:
        raise DreamboothValidationError(
            f"{name} has {len(content) / 1048576:.1f} MB. The service takes 5 MB at most; make it smaller. "
            "Nothing was sent to the service and nothing was paid."
        )
    return ApiCall(
        path="/api/v3/base64_crop",
        body={
            "image": f"data:{kind};base64,{base64.b64encode(content).decode()}",
            "crop": "true" if crop else "false",
        },
        read=_read,
        about=f"uploading {name}",
    )


def _read(document: Any) -> UploadedImage:
    link = service_link(document.get("link")) if isinstance(document, Mapping) else None
    if link is None:
        raise unreadable("an upload", "an answer without a link")
    return UploadedImage(link, identifier(document.get("request_id")))
