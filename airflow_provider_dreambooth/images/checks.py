# SPDX-License-Identifier: Apache-2.0
"""What can be said of all images together, once each was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from airflow_provider_dreambooth.images.image import TrainingImage
from airflow_provider_dreambooth.images.limits import ADVISED_SIDE
from airflow_provider_dreambooth.images.problem import Problem

_COPY = "DreamboothUploadImagesOperator with copy_links=True uploads upright, square copies"


def same_twice(images: Sequence[TrainingImage]) -> list[Problem]:
    """Return a problem for each image that is there already, by its link or by its content."""
    problems: list[Problem] = []
    first: dict[str, TrainingImage] = {}
    for image in images:
        keys = [image.link] if image.link is not None else []
        keys += [image.facts.digest] if image.facts is not None else []
        before = next((first[key] for key in keys if key in first), None)
        if before is not None:
            listed = image.link == before.link and image.name == before.name
            what = "is listed twice" if listed else f"is the same image as {before.name}"
            problems.append(Problem(image.name, what))
        for key in keys:
            first.setdefault(key, image)
    return problems


def warnings_of(images: Sequence[TrainingImage]) -> Iterator[str]:
    """Yield what the service accepts and a person may regret, each with the names of the images."""
    seen = [(image, image.facts) for image in images if image.facts is not None]
    small = [image.name for image, facts in seen if facts.short_side < ADVISED_SIDE]
    if small:
        yield (
            f"{len(small)} of {len(images)} images are smaller than the advised {ADVISED_SIDE} pixels on the short "
            f"side and will be enlarged: {listed(small)}"
        )
    passed_on = [(image, facts) for image, facts in seen if not image.is_uploaded]
    turned = [image.name for image, facts in passed_on if facts.turned]
    if turned:
        yield (
            f"{_links(turned)} to photographs that only an EXIF field turns upright. The service does not read it "
            f"and trains with them turned. {_COPY}: {listed(turned)}"
        )
    squeezed = [image.name for image, facts in passed_on if facts.width != facts.height]
    if squeezed:
        yield (
            f"{_links(squeezed)} to images that are not square, which the service squashes to 512 x 512. "
            f"{_COPY}: {listed(squeezed)}"
        )


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence; of many the first ten."""
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"


def _links(names: Sequence[str]) -> str:
    return "1 link leads" if len(names) == 1 else f"{len(names)} links lead"
