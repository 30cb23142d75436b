# SPDX-License-Identifier: Apache-2.0
"""Waiting for images: when to ask again, what ends it and what only postpones the next poll."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dreambooth.api.results import Rendering
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothRateLimitError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.rendering.polling import (
    STATUSES,
    RenderingEnded,
    RenderingPolling,
    first_delay,
)

NOW = 1000.0
BUSY = Rendering(ready=False, request_id="7", eta=20.0)
DONE = Rendering(
    ready=True, request_id="7", urls=("https://x/1.png", "https://x/2.png"), seed=5, steps=20, blanked=True
)


@pytest.mark.parametrize("take", ["first", "on_answer"])
def test_images_end_the_wait(take: str) -> None:
    ended = getattr(RenderingPolling("7"), take)(DONE, NOW).ended
    assert (ended.status, ended.urls, ended.seed, ended.steps, ended.blanked) == (
        "success",
        DONE.urls,
        5,
        20,
        True,
    )
    assert "2 images" in ended.message


@pytest.mark.parametrize(
    ("eta", "interval", "delay"),
    [(12.0, None, 12.0), (None, None, 20.0), (0.0, None, 2.0), (9e9, None, 300.0), (120.0, 5.0, 5.0)],
)
def test_the_first_poll_falls_on_the_announced_end(
    eta: float | None, interval: float | None, delay: float
) -> None:
    assert first_delay(eta, interval) == delay


@pytest.mark.parametrize(("eta", "delay"), [(None, 31.0), (3.0, 31.0), (45.0, 45.0), (500.0, 60.0)])
def test_a_repeated_fetch_stays_out_of_the_filter_of_duplicates(eta: float | None, delay: float) -> None:
    polling = RenderingPolling("7")
    busy = Rendering(ready=False, request_id="7", eta=eta)
    assert [polling.on_answer(busy, NOW).delay for _ in range(2)] == [delay, delay]


def test_an_interval_of_the_user_is_kept() -> None:
    polling = RenderingPolling("7", poll_interval=5.0)
    assert (polling.first(BUSY, NOW).delay, polling.on_answer(BUSY, NOW).delay) == (5.0, 5.0)


@pytest.mark.parametrize(
    "error", [DreamboothTransientError("502"), DreamboothRateLimitError("rate limited", retry_after=90_000.0)]
)
def test_transient_errors_only_postpone_and_for_ten_minutes_at_most(error: DreamboothError) -> None:
    polling = RenderingPolling("7", end_time=NOW + 1e6)
    for number in range(50):
        poll = polling.on_error(error, NOW + number)
        assert poll.ended is None
        assert 31.0 <= poll.delay <= 600.0


def test_after_an_error_the_user_s_interval_is_doubled_up_to_a_minute() -> None:
    polling = RenderingPolling("7", poll_interval=5.0)
    delays = [polling.on_error(DreamboothTransientError("502"), NOW).delay for _ in range(6)]
    assert delays == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    polling.on_answer(BUSY, NOW)
    assert polling.on_error(DreamboothTransientError("502"), NOW).delay == 5.0


def test_a_permanent_error_ends_it_with_its_reason() -> None:
    ended = RenderingPolling("7").on_error(DreamboothAuthError("Invalid Api Key."), NOW).ended
    assert ended is not None
    assert (ended.status, ended.error) == ("error", "DreamboothAuthError")
    assert "Invalid Api Key." in ended.message


def test_the_deadline_ends_it_and_the_last_poll_falls_on_it() -> None:
    polling = RenderingPolling("7", end_time=NOW + 3)
    assert polling.on_answer(BUSY, NOW).delay == 3.0
    ended = polling.on_answer(BUSY, NOW + 3).ended
    assert ended is not None
    assert ended.status == "timeout"
    done = polling.on_answer(DONE, NOW + 4).ended
    assert done is not None
    assert done.status == "success"


@pytest.mark.parametrize("status", STATUSES)
def test_an_event_comes_back_as_it_was(status: str) -> None:
    ended = RenderingEnded(status, "7", "words", ("https://x/1.png",), 5, 20, True, "DreamboothAuthError")
    assert RenderingEnded.from_payload(json.loads(json.dumps(ended.to_payload()))) == ended


@pytest.mark.parametrize("payload", [None, "x", {}, {"status": "done"}, {"urls": []}])
def test_a_strange_event_is_an_error_and_never_a_success(payload: Any) -> None:
    with pytest.raises(DreamboothError, match="fetches the same images"):
        RenderingEnded.from_payload(payload)
