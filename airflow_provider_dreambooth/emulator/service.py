# SPDX-License-Identifier: Apache-2.0
"""The emulated account side: everything that was accepted, found by id and by account."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
import random
import secrets
import string
from collections.abc import Callable, Iterator
from typing import Any

from airflow_provider_dreambooth.emulator.answers import Answers
from airflow_provider_dreambooth.emulator.bounded import Bounded
from airflow_provider_dreambooth.emulator.clock import Clock
from airflow_provider_dreambooth.emulator.faults import FaultBook
from airflow_provider_dreambooth.emulator.journal import EventPrinter, Journal
from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.rendering import Rendering, number_of_prefix
from airflow_provider_dreambooth.emulator.training import Training
from airflow_provider_dreambooth.emulator.vocabulary import DEPLOYING_GPU

_ALPHABET = string.ascii_letters + string.digits
_SECRET_FIELDS = frozenset({"key", "wandb_key", "hf_token"})
# The number of the documentation's sample render.
_FIRST_RENDERING = 12632768
# The request id of the documentation's sample upload.
_FIRST_UPLOAD = 2398
_MOST_ACCOUNTS = 100_000


def fingerprint(key: str) -> str:
    """Return what is kept of an API key."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def without_secrets(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request body that may be kept and shown.

    :param body: the body as it came.
    """
    return {name: value for name, value in body.items() if name not in _SECRET_FIELDS}


@dataclasses.dataclass(slots=True)
class Upload:
    """A stored image."""

    request_id: int
    account: str
    name: str
    png: bytes


class Service:
    """All state of the emulator."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.answers = Answers(options)
        self.faults = FaultBook()
        self.journal = Journal(options.request_log)
        self.printer = EventPrinter(options.quiet)
        self.trainings: Bounded[str, Training] = Bounded(options.keep)
        self.renderings: Bounded[int, Rendering] = Bounded(options.keep)
        self.uploads: Bounded[str, Upload] = Bounded(options.keep)
        # Other people's training images by link, as PNG; only with --fetch-images.
        self.downloads: Bounded[str, bytes] = Bounded(options.keep)
        # Trainings that each account has started and bought.
        self.started: Bounded[str, int] = Bounded(_MOST_ACCOUNTS)
        self.purchased: Bounded[str, int] = Bounded(_MOST_ACCOUNTS)
        # Called with (training, stage) at each stage a training enters, in order.
        self.listeners: list[Callable[[Training, str], None]] = []
        self._accounts = frozenset(fingerprint(key) for key in options.key)
        self._recent: Bounded[tuple[str, bytes], float] = Bounded(10_000)
        self._upload_number = _FIRST_UPLOAD
        self._rendering_number = _FIRST_RENDERING
        self._changes: list[tuple[float, str]] = []
        for rule in options.fault_rules():
            self.faults.add(rule)

    def account(self, key: Any) -> str | None:
        """Return the account of a key, or None when the key is not accepted.

        :param key: the body's `key`.
        """
        if not isinstance(key, str) or not key.strip():
            return None
        digest = fingerprint(key)
        return digest if not self._accounts or digest in self._accounts else None

    def new_training_id(self) -> str:
        """Return an id that no training has."""
        while True:
            new = "".join(secrets.choice(_ALPHABET) for _ in range(self.options.id_length))
            if new not in self.trainings:
                return new

    def duration_of(self, training_id: str) -> float:
        """Return the length of a training, spread if so asked; the same for the same id."""
        if self.options.duration_spread <= 0:
            return self.options.duration
        return self.options.duration * random.Random(training_id).lognormvariate(
            0, self.options.duration_spread
        )

    def accept(self, training: Training) -> None:
        """Take a training on; from here on it is paid."""
        self.trainings.keep(training.training_id, training, len(str(training.body)))
        self.started.keep(training.account, self.paid(training.account) + 1)
        self.announce(training)

    def own_training(self, training_id: str, account: str, environment: str | None = None) -> Training | None:
        """Return an account's training that the service still knows.

        :param environment: the environment asked in; any when left out.
        """
        training = self.trainings.get(training_id)
        if training is None or training.account != account or not training.is_known():
            return None
        return training if environment is None or training.environment == environment else None

    def paid(self, account: str) -> int:
        """Return how many trainings an account has started."""
        return self.started.get(account, 0)

    def is_out_of_credits(self, account: str) -> bool:
        """Tell whether an account may start no further training."""
        if self.options.credits is None:
            return False
        return self.paid(account) >= self.options.credits + self.purchased.get(account, 0)

    def queued(self, account: str) -> int:
        """Return how many requests of an account are queued. What counts is invented, and an option."""
        now = self.clock.now()
        count = self.journal.open_requests
        count += sum(
            1 for render in self.renderings.values() if render.account == account and now < render.ready_at
        )
        if self.options.queue_counts == "trainings":
            count += sum(
                1
                for training in self.trainings.values()
                if training.account == account
                and training.is_known()
                and training.stage(now) == DEPLOYING_GPU
            )
        return count

    def is_repeated(self, path: str, raw: bytes) -> bool:
        """Tell whether the spam filter has seen this very request lately, and remember it."""
        now = self.clock.now()
        window = self.options.spam_filter
        request = (path, hashlib.sha256(raw).digest())
        last = self._recent.get(request)
        if last is not None and now - last < window:
            return True
        self._recent.keep(request, now)
        return False

    def add_rendering(self, rendering: Rendering) -> None:
        """Take a rendering on."""
        self.renderings.keep(rendering.rendering_id, rendering, len(str(rendering.body)))

    def next_rendering_id(self) -> int:
        """Return the next number for a rendering."""
        self._rendering_number += 1
        return self._rendering_number - 1

    def rendering_of(self, prefix: str) -> Rendering | None:
        """Return the rendering an image belongs to.

        :param prefix: the first part of the image's file name.
        """
        number = number_of_prefix(prefix)
        rendering = self.renderings.get(number)
        return rendering if rendering is not None and rendering.prefix == prefix else None

    def add_upload(self, account: str, png: bytes) -> Upload:
        """Store an image.

        :param account: whose it is.
        """
        upload = Upload(self._upload_number, account, secrets.token_hex(16), png)
        self._upload_number += 1
        self.uploads.keep(upload.name, upload, len(png))
        return upload

    def announce(self, training: Training) -> None:
        """Tell the listeners of every stage a training has entered since the last time."""
        now = self.clock.now()
        for stage in self._entered(training, now):
            training.announced = stage
            for listener in self.listeners:
                listener(training, stage)
        change = training.next_change(now)
        if change is not None and change != training.next_announced:
            training.next_announced = change
            heapq.heappush(self._changes, (change, training.training_id))

    def announce_due(self) -> None:
        """Announce all trainings whose stage has changed by itself."""
        now = self.clock.now()
        while self._changes and self._changes[0][0] <= now:
            _, training_id = heapq.heappop(self._changes)
            training = self.trainings.get(training_id)
            if training is not None:
                self.announce(training)

    @staticmethod
    def _entered(training: Training, now: float) -> Iterator[str]:
        stage = training.stage(now)
        if stage == training.announced or not training.is_known():
            return
        stages = training.plan.stages
        first = stages.index(training.announced) + 1 if training.announced in stages else 0
        if training.announced and training.announced not in stages:
            first = len(stages)
        natural = training.plan.index_at(now - training.created_at)
        if training.ended is not None:
            natural = training.plan.index_at(training.ended[1] - training.created_at)
        elif training.fail_after is not None:
            natural = min(natural, training.plan.index_at(training.fail_after))
        last = stages.index(stage) if stage in stages and training.ended is None else natural
        for passed in stages[first : last + 1]:
            if passed != stage:
                yield passed
        yield stage

    def reset(self) -> None:
        """Forget everything, the fault rules too."""
        self.trainings.clear()
        self.renderings.clear()
        self.uploads.clear()
        self.downloads.clear()
        self.started.clear()
        self.purchased.clear()
        self._recent.clear()
        self._changes.clear()
        self.faults.clear()
        self.journal.reset()
