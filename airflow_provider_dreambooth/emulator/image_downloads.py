# SPDX-License-Identifier: Apache-2.0
"""With ``--fetch-images``: really download the training images, as the hosted trainer does."""

from __future__ import annotations

import concurrent.futures
import io
import urllib.request

from airflow_provider_dreambooth.emulator.own_images import EXTERNAL, own_image, own_image_path
from airflow_provider_dreambooth.emulator.service import Service
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.vocabulary import (
    FEWEST_USABLE_IMAGES,
    TOO_FEW_IMAGES,
    TRAINING_STARTED,
)

_TIMEOUT_SECONDS = 15.0
_LARGEST_IMAGE = 20 * 1024 * 1024


def downloaded(link: str) -> bytes | None:
    """Return an image as PNG of at most 1024 pixels a side, or None when it is not available or readable."""
    from PIL import Image

    try:
        with urllib.request.urlopen(link, timeout=_TIMEOUT_SECONDS) as response:
            raw = response.read(_LARGEST_IMAGE)
        with Image.open(io.BytesIO(raw)) as opened:
            image = opened.convert("RGB")
    except Exception:
        # Like the trainer: a link that does not work is skipped without a word.
        return None
    image.thumbnail((1024, 1024))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


class ImageDownloads:
    """Downloads the images of new trainings in the background; too few make the training fail."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._worker: concurrent.futures.ThreadPoolExecutor | None = None

    def stage_entered(self, training: Training, stage: str) -> None:
        """Start the downloads of a training that was just accepted."""
        if not self._service.options.fetch_images or stage != training.plan.stages[0]:
            return
        if self._worker is None:
            self._worker = concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="emulator-images")
        self._worker.submit(self.fetch, training)

    def fetch(self, training: Training) -> None:
        """Download the images of one training."""
        usable = 0
        for link in training.body["images"]:
            path = own_image_path(self._service, link)
            if path == EXTERNAL and link.lower().startswith(("http://", "https://")):
                png = downloaded(link)
                if png is not None:
                    self._service.downloads.keep(link, png, len(png))
            else:
                png = own_image(self._service, path) if path else None
            usable += png is not None
        if usable < FEWEST_USABLE_IMAGES and training.fail_after is None:
            training.fail_reason = TOO_FEW_IMAGES
            training.fail_after = training.plan.moment_within(TRAINING_STARTED, 0.1)

    def close(self) -> None:
        """Start no more downloads."""
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)
