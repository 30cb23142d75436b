# SPDX-License-Identifier: Apache-2.0
"""Per-stage webhooks: best effort, in the background, never in the way of an answer."""

from __future__ import annotations

import concurrent.futures
import json
import urllib.request
from collections.abc import Callable
from typing import Any

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.vocabulary import DEPLOYING_GPU, TRAINER_V6, TRAINING_FAILED

_TIMEOUT_SECONDS = 30.0
Post = Callable[[str, bytes], None]


def webhook_payload(training: Training, stage: str) -> dict[str, Any]:
    """Return what is posted for a stage."""
    logs = training.log(stage)
    if stage == DEPLOYING_GPU:
        # The documented sample lacks the final dot here.
        logs = logs.removesuffix(".")
    # Invented: no source shows the webhook of a failure.
    status = "failed" if stage == TRAINING_FAILED else "success"
    return {"status": status, "training_status": stage, "logs": logs, "model_id": training.training_id}


def post(url: str, body: bytes) -> None:
    """Send one webhook."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
        response.read(1)


class Webhooks:
    """Sends webhooks from one thread, so that a training's stages arrive in order.

    :param log: takes a line about a failed delivery.
    :param sender: what sends; for tests.
    """

    def __init__(self, options: Options, log: Callable[[str], None], sender: Post = post) -> None:
        self._options = options
        self._log = log
        self._post = sender
        self._worker: concurrent.futures.ThreadPoolExecutor | None = None

    def stage_entered(self, training: Training, stage: str) -> None:
        """Send the webhook of a stage, if the training asked for webhooks."""
        url = training.body.get("webhook")
        # What the v6 trainer posts is published nowhere.
        if (
            training.method == TRAINER_V6
            or not isinstance(url, str)
            or not url.lower().startswith(("http://", "https://"))
        ):
            return
        if self._worker is None:
            self._worker = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="emulator-webhooks")
        body = json.dumps(webhook_payload(training, stage)).encode()
        for _ in range(self._options.webhook_copies):
            self._worker.submit(self._deliver, url, body, training.training_id)

    def _deliver(self, url: str, body: bytes, training_id: str) -> None:
        try:
            self._post(url, body)
        except Exception as error:
            # Best effort, as at the hosted service: no second try. The link may hold a token: not printed.
            self._log(f"{training_id} webhook not delivered: {type(error).__name__}")

    def close(self) -> None:
        """Drop what was not sent yet."""
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)

    def settle(self) -> None:
        """Wait until everything is sent; for tests."""
        if self._worker is not None:
            self._worker.shutdown(wait=True)
            self._worker = None
