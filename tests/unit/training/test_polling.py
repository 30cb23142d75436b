# SPDX-License-Identifier: Apache-2.0
"""Polling a training: no transient error ends it, a permanent one does at once, and the log stays short."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_dreambooth.api.log_text import Progress, read_progress
from airflow_provider_dreambooth.api.results import FineTuneStatus, TrainerStatus
from airflow_provider_dreambooth.api.stages import Outcome, outcome_of
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.training.polling import MAY_BE_UNKNOWN, STOPPED_AFTER, Polling
from airflow_provider_dreambooth.training.summary import TrainingSummary

NOW = 1_000_000.0
LOG = " /n Step:1 Training Started, 5 Steps to go : ETA : 30 minutes"


def status(stage: str, log: str = "", **details: Any) -> FineTuneStatus:
    return FineTuneStatus("T1", stage, outcome_of(stage), read_progress(log), **details)


def polling_of(**arguments: Any) -> Polling:
    return Polling(
        TrainingSummary("T1", requested_at=arguments.pop("requested_at", None)), now=NOW, **arguments
    )


TRANSIENT = [
    DreamboothTransientError("HTTP 502"),
    DreamboothRateLimitError("Rate limit exceeded"),
    DreamboothRateLimitError("Rate limit exceeded", retry_after=30.0),
]


@pytest.mark.parametrize("error", TRANSIENT)
def test_a_thousand_transient_errors_end_nothing(error: DreamboothError) -> None:
    polling = polling_of()
    for number in range(1000):
        poll = polling.on_error(error, NOW + number)
        assert poll.ended is None
        assert poll.delay > 0


@pytest.mark.parametrize(
    "error_class",
    [
        DreamboothAuthError,
        DreamboothValidationError,
        DreamboothNotFoundError,
        DreamboothInsufficientCreditsError,
    ],
)
def test_a_permanent_error_ends_the_wait_at_once_and_says_why(error_class: type[DreamboothError]) -> None:
    ended = polling_of().on_error(error_class("Invalid Api Key."), NOW).ended
    assert ended is not None
    assert ended.status == "error"
    assert ended.error == error_class.__name__
    assert "Invalid Api Key." in ended.message
    assert "T1" in ended.message


def test_a_training_that_the_service_does_not_know_is_not_said_to_be_reattached_for_free() -> None:
    ended = polling_of().on_error(DreamboothNotFoundError("Training not found."), NOW).ended
    assert ended is not None
    assert "at no cost" not in ended.message


@pytest.mark.parametrize(
    ("stage", "end"),
    [("model_ready", "success"), ("training_failed", "failed"), ("training_cancelled", "cancelled")],
)
def test_each_end_of_a_training_ends_the_wait(stage: str, end: str) -> None:
    ended = polling_of().on_answer(status(stage), NOW).ended
    assert ended is not None
    assert (ended.status, ended.training_id) == (end, "T1")


def test_a_failure_carries_its_reason() -> None:
    failed = status("training_failed", reason="Valid image links less than 3", cause_is_permanent=True)
    ended = polling_of().on_answer(failed, NOW).ended
    assert ended is not None
    assert ended.reason == "Valid image links less than 3"
    assert ended.cause_is_permanent


def test_the_log_has_a_line_when_the_stage_changes_and_none_for_a_poll() -> None:
    polling = polling_of(requested_at=NOW)
    lines = [
        polling.on_answer(status(stage, LOG), NOW + 60 * number).line
        for number, stage in enumerate(
            ["deploying_gpu", "training_started", "training_started", "training_success"]
        )
    ]
    assert [bool(line) for line in lines] == [True, True, False, True]
    assert (
        lines[1]
        == "Training T1: training_started, step 1 (Training Started), 5 to go, ETA 30 min, 60 s so far"
    )


def test_who_came_late_does_not_say_how_long_it_took() -> None:
    polling = polling_of()
    first = polling.on_answer(status("training_started"), NOW).line
    second = polling.on_answer(status("training_success"), NOW + 60).line
    ready = polling_of().on_answer(status("model_ready"), NOW)
    late = polling_of(end_time=NOW).on_answer(status("training_started"), NOW)
    assert (first, second) == ("Training T1: training_started", "Training T1: training_success")
    assert (ready.line, ready.ended and ready.ended.message) == (
        "Training T1: model_ready",
        "Model T1 is ready.",
    )
    assert late.ended is not None
    assert "was not ready in time." in late.ended.message


def test_lines_count_from_the_request() -> None:
    line = polling_of(requested_at=NOW - 600).on_answer(status("training_started"), NOW).line
    assert line is not None
    assert "10 min so far" in line


def test_an_outage_is_logged_once_and_so_is_its_end() -> None:
    polling = polling_of()
    polling.on_answer(status("training_started"), NOW)
    polls = [polling.on_error(DreamboothTransientError("HTTP 502"), NOW + number) for number in (1, 2, 3)]
    assert [(bool(poll.line), poll.warning) for poll in polls if poll.line] == [(True, True)]
    back = polling.on_answer(status("training_started"), NOW + 121)
    assert back.line == "The service answers again after 2 min."
    assert not back.warning
    assert polling.on_answer(status("training_started"), NOW + 130).line is None


def test_the_deadline_ends_the_wait_whatever_the_answer() -> None:
    for poll in (
        polling_of(end_time=NOW + 10).on_answer(status("training_started"), NOW + 10),
        polling_of(end_time=NOW + 10).on_error(TRANSIENT[0], NOW + 10),
    ):
        assert poll.ended is not None
        assert poll.ended.status == "timeout"


def test_a_model_that_is_ready_at_the_deadline_is_no_timeout() -> None:
    ended = polling_of(end_time=NOW + 10).on_answer(status("model_ready"), NOW + 11).ended
    assert ended is not None
    assert ended.status == "success"


def test_the_last_poll_falls_on_the_deadline() -> None:
    polling = polling_of(end_time=NOW + 10)
    assert polling.on_answer(status("training_started", LOG), NOW).delay == 10.0
    assert polling.on_error(TRANSIENT[2], NOW + 4).delay == 6.0


def test_polling_goes_on_where_another_stopped() -> None:
    first = polling_of(requested_at=NOW)
    first.on_answer(status("deploying_gpu"), NOW)
    first.on_answer(status("training_started", LOG), NOW + 60)
    shown = TrainingSummary.from_json(json.loads(json.dumps(first.summary.to_json())))
    assert shown is not None
    second = Polling(shown, now=NOW + 500)
    assert second.on_answer(status("training_started", LOG), NOW + 600).line is None
    ended = second.on_answer(status("model_ready"), NOW + 1800).ended
    assert ended is not None
    assert ended.stages == (
        ("deploying_gpu", NOW),
        ("training_started", NOW + 60),
        ("model_ready", NOW + 1800),
    )
    assert "30 min" in ended.message


def test_the_summary_is_shown_at_each_change_of_stage_and_the_end_is_left_to_the_worker() -> None:
    shown: list[TrainingSummary] = []
    polling = polling_of(show=shown.append)
    for stage in ("deploying_gpu", "deploying_gpu", "training_started", "model_ready"):
        polling.on_answer(status(stage, LOG), NOW)
    assert [summary.stage for summary in shown] == ["deploying_gpu", "training_started"]
    assert shown[-1].eta_at == NOW + 1800


STAGES = st.sampled_from(["deploying_gpu", "training_started", "training_success", "a_new_stage"])
ANSWERS = st.lists(st.one_of(STAGES, st.sampled_from(TRANSIENT)), max_size=30)


@given(ANSWERS, st.none() | st.floats(0.5, 600), st.booleans())
def test_nothing_but_an_end_ends_it_and_no_wait_reaches_past_the_deadline(
    answers: list[Any], poll_interval: float | None, limited: bool
) -> None:
    end_time = NOW + 1000 if limited else None
    polling, now = polling_of(poll_interval=poll_interval, end_time=end_time), NOW
    for answer in answers:
        poll = (
            polling.on_error(answer, now)
            if isinstance(answer, DreamboothError)
            else polling.on_answer(status(answer, LOG), now)
        )
        if end_time is not None and now >= end_time:
            assert poll.ended is not None
            assert poll.ended.status == "timeout"
            return
        assert poll.ended is None
        assert poll.delay >= 0
        now += poll.delay
        assert end_time is None or now <= end_time + 1e-6
        assert Outcome.RUNNING.value not in [stage for stage, _ in polling.summary.stages]


def test_a_training_unknown_in_the_first_two_minutes_is_polled_again_and_later_the_end() -> None:
    missing = DreamboothNotFoundError("Training not found.")
    polling = polling_of(requested_at=NOW)
    early = polling.on_error(missing, NOW + MAY_BE_UNKNOWN - 1)
    assert early.ended is None
    assert early.delay >= 30.0
    late = polling.on_error(missing, NOW + MAY_BE_UNKNOWN).ended
    assert late is not None
    assert late.error == "DreamboothNotFoundError"


def test_an_id_whose_request_nobody_knows_is_wrong_at_once() -> None:
    assert polling_of().on_error(DreamboothNotFoundError("Training not found."), NOW).ended is not None


@pytest.mark.parametrize("eta", [1e308, float("inf"), float("nan")])
def test_an_absurd_eta_ends_nothing(eta: float) -> None:
    answer = FineTuneStatus("T1", "training_started", Outcome.RUNNING, Progress(eta=eta))
    poll = polling_of(end_time=NOW + 1e6).on_answer(answer, NOW)
    assert 30.0 <= poll.delay <= 600.0
    assert poll.line is not None
    assert len(poll.line) < 100


def test_a_retry_after_of_a_day_postpones_the_next_poll_by_ten_minutes() -> None:
    limited = DreamboothRateLimitError("Rate limit exceeded", retry_after=86400.0)
    assert polling_of(jitter=lambda: 0.0).on_error(limited, NOW).delay == 600.0


def completed(inference: dict[str, Any] | None) -> FineTuneStatus:
    return TrainerStatus("T1", "training_completed", Outcome.RUNNING, inference=inference)


def test_a_completed_training_without_a_word_of_an_inference_counts_as_stopped_after_a_while() -> None:
    polling = polling_of()
    assert polling.on_answer(completed(None), NOW).ended is None
    assert polling.on_answer(completed(None), NOW + STOPPED_AFTER - 1).ended is None
    ended = polling.on_answer(completed(None), NOW + STOPPED_AFTER).ended
    assert ended is not None
    assert (ended.status, ended.reason) == ("cancelled", "training_completed")
    assert "so ends a training that was stopped" in ended.message


def test_one_whose_inference_is_on_its_way_is_waited_for_until_the_deadline() -> None:
    polling = polling_of(end_time=NOW + 10 * STOPPED_AFTER)
    assert polling.on_answer(completed({"status": "pending"}), NOW).ended is None
    assert polling.on_answer(completed({"status": "pending"}), NOW + 9 * STOPPED_AFTER).ended is None
    ended = polling.on_answer(completed({"status": "pending"}), NOW + 10 * STOPPED_AFTER).ended
    assert ended is not None
    assert ended.status == "timeout"
