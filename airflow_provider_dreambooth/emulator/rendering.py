# SPDX-License-Identifier: Apache-2.0
"""One accepted request for images."""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from typing import Any


def new_prefix(number: int) -> str:
    """Return the first part of the file names of a rendering: a UUID whose lower half is the rendering's number."""
    return str(uuid.UUID(int=secrets.randbits(64) << 64 | number))


def number_of_prefix(prefix: str) -> int:
    """Return the number of the rendering that a file name belongs to; -1 for any other name.

    :param prefix: the first part of the file name.
    """
    try:
        return uuid.UUID(prefix).int & (2**64 - 1)
    except ValueError:
        return -1


@dataclasses.dataclass(slots=True)
class Rendering:
    """A rendering and what it takes to draw its images again.

    :param rendering_id: the number the service calls `id` and `request_id`.
    :param training_id: the account's own training it shows, or an empty string for a public model.
    :param images: the links of the training images to show.
    :param body: the request without any secret.
    :param fails: answers `Failed, Try Again` when fetched.
    """

    rendering_id: int
    account: str
    endpoint: str
    model_id: str
    training_id: str
    subject: str
    images: tuple[str, ...]
    prompt: str
    seed: int
    samples: int
    width: int
    height: int
    steps: int
    prefix: str
    base_url: str
    created_at: float
    ready_at: float
    body: dict[str, Any]
    nsfw: bool = False
    fails: bool = False
    late_links: int = 0
    downloads: dict[int, int] = dataclasses.field(default_factory=dict)

    def is_drawn(self, now: float) -> bool:
        """Tell whether its images can be downloaded."""
        return now >= self.ready_at and not self.fails

    def links(self) -> list[str]:
        """Return the links of the images."""
        return [f"{self.base_url}/generations/{self.prefix}-{index}.png" for index in range(self.samples)]

    def description(self, now: float) -> dict[str, Any]:
        """Return what the control endpoint tells about it; nothing secret."""
        return {
            "id": self.rendering_id,
            "account": self.account,
            "endpoint": self.endpoint,
            "model_id": self.model_id,
            "training_id": self.training_id,
            "prompt": self.prompt,
            "seed": self.seed,
            "created_at": self.created_at,
            "processing": now < self.ready_at,
            "output": self.links(),
            "body": self.body,
        }
