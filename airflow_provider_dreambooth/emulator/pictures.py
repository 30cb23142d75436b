"""The emulator's own pictures by link: samples, uploads and renders, never fetched over HTTP."""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING

from airflow_provider_dreambooth.emulator.neighbours import is_own_host

if TYPE_CHECKING:
    from airflow_provider_dreambooth.emulator.service import Service

SUBJECTS: tuple[str, ...] = ("fox", "robot", "teapot")
PICTURES_OF_A_SUBJECT = 8
_SAMPLE = re.compile(rf"/samples/({'|'.join(SUBJECTS)})/([1-{PICTURES_OF_A_SUBJECT}])\.png\Z")
_UPLOAD = re.compile(r"/uploads/([0-9a-f]+)\.png\Z")
_GENERATION = re.compile(r"/generations/([0-9a-f-]+)-([0-3])\.png\Z")
EXTERNAL = ""


def own_picture_name(service: Service, link: str) -> str | None:
    """Tell whose picture a link is.

    :param service: the emulator's state.
    :param link: an http or https link.
    :return: the path of an own picture, :data:`EXTERNAL` for somebody else's, None for a missing one.
    """
    try:
        split = urllib.parse.urlsplit(link.strip())
        own = is_own_host(service.options, split.hostname or "")
    except ValueError:
        return None
    if not own:
        return EXTERNAL
    path = split.path
    if path.startswith("/samples/"):
        return path if _SAMPLE.match(path) else None
    if upload := _UPLOAD.match(path):
        return path if upload[1] in service.uploads else None
    if generation := _GENERATION.match(path):
        rendering = service.rendering_of(generation[1])
        return path if rendering is not None and int(generation[2]) < rendering.samples else None
    # Another server on this machine, such as a directory served by a test.
    return EXTERNAL


def own_picture(service: Service, path: str) -> bytes | None:
    """Return a sample or an upload as PNG.

    :param service: the emulator's state.
    :param path: the path as :func:`own_picture_name` gave it.
    """
    if sample := _SAMPLE.match(path):
        from airflow_provider_dreambooth.emulator.sample_drawings import sample_png

        return sample_png(sample[1], int(sample[2]))
    if upload := _UPLOAD.match(path):
        stored = service.uploads.get(upload[1])
        return None if stored is None else stored.png
    return None


def sample_links(base_url: str) -> dict[str, list[str]]:
    """Return the links of all samples by subject.

    :param base_url: scheme and host of the emulator.
    """
    numbers = range(1, PICTURES_OF_A_SUBJECT + 1)
    return {
        subject: [f"{base_url}/samples/{subject}/{number}.png" for number in numbers] for subject in SUBJECTS
    }
