# SPDX-License-Identifier: Apache-2.0
"""The emulator's own images by link: samples, uploads and those of renderings, never fetched over HTTP."""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING

from airflow_provider_dreambooth.emulator.neighbours import is_own_host
from airflow_provider_dreambooth.emulator.rendering import Rendering

if TYPE_CHECKING:
    from airflow_provider_dreambooth.emulator.service import Service

SUBJECTS: tuple[str, ...] = ("fox", "robot", "teapot")
IMAGES_OF_A_SUBJECT = 8
_SAMPLE = re.compile(rf"/samples/({'|'.join(SUBJECTS)})/([1-{IMAGES_OF_A_SUBJECT}])\.png\Z")
_UPLOAD = re.compile(r"/uploads/([0-9a-f]+)\.png\Z")
_GENERATION = re.compile(r"/generations/([0-9a-f-]+)-([0-3])\.png\Z")
EXTERNAL = ""


def own_image_path(service: Service, link: str) -> str | None:
    """Tell whose image a link is.

    :return: the path of an own image, :data:`EXTERNAL` for somebody else's, None for a missing one.
    """
    try:
        split = urllib.parse.urlsplit(link.strip())
        own = is_own_host(service.options, split.hostname or "")
    except ValueError:
        return None
    path = split.path
    if not own or not path.startswith(("/samples/", "/uploads/", "/generations/")):
        # Also another server on this machine, such as a directory served by a test.
        return EXTERNAL
    upload = _UPLOAD.match(path)
    exists = (
        _SAMPLE.match(path) or (upload and upload[1] in service.uploads) or rendering_of(service, path)[0]
    )
    return path if exists else None


def own_image(service: Service, path: str) -> bytes | None:
    """Return a sample or an upload as PNG.

    :param path: the path as :func:`own_image_path` gave it.
    """
    if sample := _SAMPLE.match(path):
        from airflow_provider_dreambooth.emulator.sample_images import sample_png

        return sample_png(sample[1], int(sample[2]))
    if upload := _UPLOAD.match(path):
        stored = service.uploads.get(upload[1])
        return None if stored is None else stored.png
    return None


def rendering_of(service: Service, path: str) -> tuple[Rendering | None, int]:
    """Return the rendering that an image belongs to, and the number of the sample.

    :param path: the image's path.
    """
    generation = _GENERATION.match(path)
    if generation is None:
        return None, 0
    rendering, index = service.rendering_of(generation[1]), int(generation[2])
    return (rendering, index) if rendering is not None and index < rendering.samples else (None, 0)


def sample_links(base_url: str) -> dict[str, list[str]]:
    """Return the links of all samples by subject."""
    numbers = range(1, IMAGES_OF_A_SUBJECT + 1)
    return {
        subject: [f"{base_url}/samples/{subject}/{number}.png" for number in numbers] for subject in SUBJECTS
    }
