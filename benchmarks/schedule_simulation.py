# SPDX-License-Identifier: Apache-2.0
"""
The polling schedule beside fixed and exponential intervals, on simulated trainings. No clock is waited for.

What is assumed, and where the assumptions come from:

* The stages are the documented ones, in the documented order. Their middle lengths make the documented
  announcements true: 30 minutes left when the training starts, 15 when it is done, 10 when the upload begins, 5 when
  it is done. The service documents no announcement for the other stages; they share what lies between.
* Each length varies log-normally around its middle. Half of the variance is common to the whole training (a slow
  machine is slow all along), half belongs to each stage. ``--common`` changes that share.
* An announcement is made when its stage begins and stays as it is until the next one, as documented.
* It can be wrong by a factor of two in two ways: the service announces half or double of the documented figures while
  trainings last as documented (``announced``), or it announces the documented figures while trainings last half or
  double as long (``lasting``).
* A poll costs no time, and the first one comes when the training has just been accepted.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from airflow_provider_dreambooth.api.log_text import Progress
from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.training.schedule import next_poll

#: Stage, its middle length in seconds, seconds left that are announced at its begin.
STAGES: tuple[tuple[str, float, float | None], ...] = (
    ("deploying_gpu", 180.0, None),
    ("training_started", 900.0, 1800.0),
    ("training_success", 150.0, 900.0),
    ("trained_model_compressing", 150.0, None),
    ("trained_model_uploading", 300.0, 600.0),
    ("trained_model_uploaded", 150.0, 300.0),
    ("deploying_model", 150.0, None),
)
SIGMAS = (0.3, 0.5, 0.8)
#: Name, factor of the announcements, factor of the lengths.
ERRORS: tuple[tuple[str, float, float], ...] = (
    ("as documented", 1.0, 1.0),
    ("announced half", 0.5, 1.0),
    ("announced double", 2.0, 1.0),
    ("lasting half", 1.0, 0.5),
    ("lasting double", 1.0, 2.0),
)

Wait = Callable[[FineTuneStatus, float], float]


@dataclass(frozen=True)
class Figures:
    """Polls and mean delay of one way of polling, over many trainings."""

    polls: float
    delay: float
    late: float

    @classmethod
    def of(cls, outcomes: list[tuple[int, float]]) -> Figures:
        delays = sorted(delay for _, delay in outcomes)
        return cls(
            sum(polls for polls, _ in outcomes) / len(outcomes),
            sum(delays) / len(delays),
            delays[int(0.95 * len(delays))],
        )


@dataclass(frozen=True)
class Training:
    """When each stage of one training begins, and when it is ready."""

    begins: tuple[float, ...]
    ready: float
    announced: float

    def status(self, now: float) -> FineTuneStatus:
        seen = sum(begin <= now for begin in self.begins)
        told = [eta for _, _, eta in STAGES[:seen] if eta is not None]
        eta = told[-1] * self.announced if told else None
        progress = Progress(("line",) * len(told), len(told) or None, None, None, eta)
        return FineTuneStatus("simulated", STAGES[seen - 1][0], Outcome.RUNNING, progress)


def draw(generator: random.Random, sigma: float, common: float, announced: float, lasting: float) -> Training:
    """Return a training whose lengths vary by ``sigma``, a share ``common`` of the variance for all stages alike."""
    whole = lasting * math.exp(generator.gauss(0.0, sigma * math.sqrt(common)))
    begins, now = [], 0.0
    for _, seconds, _ in STAGES:
        begins.append(now)
        now += seconds * whole * math.exp(generator.gauss(0.0, sigma * math.sqrt(1.0 - common)))
    return Training(tuple(begins), now, announced)


def follow(training: Training, wait: Wait) -> tuple[int, float]:
    """Return how many polls it took to see the training ready, and how late the last one came."""
    now, polls = 0.0, 1
    while now < training.ready:
        now += wait(training.status(now), now)
        polls += 1
    return polls - 1, now - training.ready


def fixed(seconds: float, generator: random.Random) -> Wait:
    """Poll at a fixed interval; the first poll falls anywhere into it."""
    first = [generator.uniform(0.0, seconds)]
    return lambda status, now: first.pop() if first else seconds


def exponential(_: random.Random) -> Wait:
    """Poll after 30 s and then after ever longer waits: half as long again, up to ten minutes."""
    last = [20.0]

    def longer(status: FineTuneStatus, now: float) -> float:
        last[0] = min(600.0, 1.5 * last[0])
        return last[0]

    return longer


def scheduled(generator: random.Random) -> Wait:
    """Poll as the provider does by default."""
    return lambda status, now: next_poll(status, now, generator.random())


WAYS: dict[str, Callable[[random.Random], Wait]] = {
    "schedule": scheduled,
    "fixed 60 s": lambda generator: fixed(60.0, generator),
    "fixed 180 s": lambda generator: fixed(180.0, generator),
    "exponential": exponential,
}


def cells(trainings: int, common: float = 0.5) -> Iterator[tuple[float, str, dict[str, Figures]]]:
    """Yield spread, error of the announcements, and the figures of each way; all ways see the same trainings."""
    for sigma in SIGMAS:
        for name, announced, lasting in ERRORS:
            generator = random.Random(f"{sigma} {name} {common}")
            drawn = [draw(generator, sigma, common, announced, lasting) for _ in range(trainings)]
            yield (
                sigma,
                name,
                {
                    way: Figures.of([follow(training, make(generator)) for training in drawn])
                    for way, make in WAYS.items()
                },
            )


def run(trainings: int) -> list[dict[str, object]]:
    """Return one row a cell, ready for JSON."""
    rows: list[dict[str, object]] = []
    for common in (0.5, 0.0, 1.0):
        for sigma, error, figures in cells(trainings, common):
            rows.append(
                {
                    "common": common,
                    "sigma": sigma,
                    "error": error,
                    "share": figures["schedule"].polls / figures["fixed 60 s"].polls,
                    "ways": {way: vars(one) for way, one in figures.items()},
                }
            )
            print(
                f"  common {common:g}, sigma {sigma:g}, {error:16} "
                f"{rows[-1]['share']:.3f} of the polls, {figures['schedule'].delay:.1f} s late",
                flush=True,
            )
    return rows
