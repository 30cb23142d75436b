# SPDX-License-Identifier: Apache-2.0
"""
When to poll a training next, without any state: by its stage, the time since its request and the announced ETA.

In one sentence: **each stage has its interval, from 500 s while it trains down to 35 s while the model is deployed,
times the fourth root of the elapsed time over half an hour, and never more than half of the announced ETA.**

The fourth root makes a fast training be polled more often and a slow one less, at a tenth of the effect: all that is
known of its speed is how long it has lasted. ``docs/decisions`` tells how the figures were found.
"""

from __future__ import annotations

import math

from airflow_provider_dreambooth.api.results import FineTuneStatus

#: Seconds between two polls at each stage, when half an hour has passed since the request.
INTERVALS: dict[str, float] = {
    "deploying_gpu": 500.0,
    "training_started": 500.0,
    "training_success": 200.0,
    "trained_model_compressing": 200.0,
    "trained_model_uploading": 150.0,
    "trained_model_uploaded": 100.0,
    "deploying_model": 35.0,
}
#: A stage that no list has is taken for the longest one.
_UNKNOWN_STAGE = INTERVALS["training_started"]
#: The elapsed time at which the intervals hold as they are, and the least one that counts.
HALF_AN_HOUR, SOONEST = 1800.0, 180.0
#: The service refuses the same request within 30 seconds (documented filter).
SHORTEST = 30.0
LONGEST = 600.0
#: An interval varies by this share either way, so that tasks started together spread out.
JITTER = 0.1
#: Longest wait after errors in a row, and the longest that the service's ``retry_after`` is believed.
LONGEST_AFTER_ERROR = 240.0
LONGEST_RETRY_AFTER = 600.0


def next_poll(status: FineTuneStatus, elapsed: float, jitter: float) -> float:
    """
    Return the seconds until the next poll.

    :param status: the service's answer.
    :param elapsed: seconds since the training was requested.
    :param jitter: a random number from 0 up to 1.
    """
    wait = INTERVALS.get(status.stage, _UNKNOWN_STAGE)
    wait *= math.sqrt(math.sqrt(max(SOONEST, elapsed) / HALF_AN_HOUR))
    eta = status.progress.eta
    if eta is not None and eta > 0.0:
        wait = min(wait, eta / 2.0)
    return min(max(wait * spread(jitter), SHORTEST), LONGEST)


def spread(jitter: float) -> float:
    """Return the factor by which an interval is lengthened or shortened."""
    return 1.0 - JITTER + 2.0 * JITTER * jitter


def after_errors(count: int, first: float, retry_after: float | None, jitter: float) -> float:
    """
    Return the seconds to wait after errors in a row: doubled each time, spread, and never under what the service asks.

    :param count: how many errors, 1 for the first.
    :param first: seconds after the first.
    :param retry_after: seconds that the service names; an absurd number is not believed.
    :param jitter: a random number from 0 up to 1.
    """
    doubled = min(first * 2.0 ** min(count - 1, 16), max(LONGEST_AFTER_ERROR, first))
    asked = min(max(retry_after or 0.0, 0.0), LONGEST_RETRY_AFTER)
    return max(doubled, asked) * (1.0 + 0.25 * jitter)
