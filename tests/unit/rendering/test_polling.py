"""Waiting for pictures: what ends it and what only postpones the next look."""

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
from airflow_provider_dreambooth.rendering.polling import STATUSES, RenderingEnded, RenderingWatch

NOW = 1000.0
BUSY = Rendering(ready=False, request_id="7", eta=20.0)
DONE = Rendering(
    ready=True, request_id="7", urls=("https://x/1.png", "https://x/2.png"), seed=5, blanked=True
)


def test_pictures_end_the_wait() -> None:
    ended = RenderingWatch("7").on_answer(DONE, NOW).ended
    assert ended is not None
    assert (ended.status, ended.urls, ended.seed, ended.blanked) == ("success", DONE.urls, 5, True)
    assert "2 pictures" in ended.message


@pytest.mark.parametrize("error", [DreamboothTransientError("502"), DreamboothRateLimitError("slow down")])
def test_passing_faults_only_postpone(error: DreamboothError) -> None:
    watch = RenderingWatch("7", end_time=NOW + 1e6)
    for number in range(50):
        look = watch.on_error(error, NOW + number)
        assert look.ended is None
        assert look.delay > 0


def test_a_permanent_fault_ends_it_with_its_reason() -> None:
    ended = RenderingWatch("7").on_error(DreamboothAuthError("Invalid Api Key."), NOW).ended
    assert ended is not None
    assert (ended.status, ended.error) == ("error", "DreamboothAuthError")
    assert "Invalid Api Key." in ended.message


def test_the_deadline_ends_it_and_the_last_look_falls_on_it() -> None:
    watch = RenderingWatch("7", end_time=NOW + 3)
    assert watch.on_answer(BUSY, NOW).delay == 3.0
    ended = watch.on_answer(BUSY, NOW + 3).ended
    assert ended is not None
    assert ended.status == "timeout"
    done = watch.on_answer(DONE, NOW + 4).ended
    assert done is not None
    assert done.status == "success"


@pytest.mark.parametrize("status", STATUSES)
def test_an_event_comes_back_as_it_was(status: str) -> None:
    ended = RenderingEnded(status, "7", "words", ("https://x/1.png",), 5, True, "DreamboothAuthError")
    assert RenderingEnded.from_payload(json.loads(json.dumps(ended.to_payload()))) == ended


@pytest.mark.parametrize("payload", [None, "x", {}, {"status": "done"}, {"urls": []}])
def test_a_strange_event_is_an_error_and_never_a_success(payload: Any) -> None:
    with pytest.raises(DreamboothError, match="renders again"):
        RenderingEnded.from_payload(payload)
