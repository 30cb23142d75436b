# SPDX-License-Identifier: Apache-2.0
"""The upload of an image for a training."""

from __future__ import annotations

import base64
import binascii
import io

from airflow_provider_dreambooth.emulator.answers import Answer
from airflow_provider_dreambooth.emulator.call import Call
from airflow_provider_dreambooth.emulator.service import Service

_LARGEST_UPLOAD = 5 * 1024 * 1024
_CROP_SIDE = 512


def base64_crop(service: Service, call: Call) -> Answer:
    """Serve the upload. Texts of its errors are invented."""
    from PIL import Image, ImageOps

    answers, image = service.answers, call.body.get("image")
    if not isinstance(image, str) or not image:
        return answers.invalid({"image": [("The image field is required.", "image is required")]})
    encoded = image.partition(",")[2] if image.startswith("data:") else image
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return answers.invalid({"image": [("The image must be base64.", "image must be a base64 data URI")]})
    if len(raw) > _LARGEST_UPLOAD:
        return answers.invalid(
            {"image": [("The image must not be greater than 5 MB.", "image must not be greater than 5 MB")]}
        )
    try:
        with Image.open(io.BytesIO(raw)) as opened:
            decoded = ImageOps.exif_transpose(opened).convert("RGB")
    except Exception:
        return answers.invalid({"image": [("The image must be an image.", "image must be an image")]})
    if str(call.body.get("crop", "true")).lower() != "false":
        decoded = ImageOps.fit(decoded, (_CROP_SIDE, _CROP_SIDE))
    buffer = io.BytesIO()
    decoded.save(buffer, "PNG")
    upload = service.add_upload(call.account, buffer.getvalue())
    return answers.success(
        "image uploaded", link=f"{call.base_url}/uploads/{upload.name}.png", request_id=upload.request_id
    )
