"""When to ask next: fixed, by the service's ETA, after faults, and on from a stored state."""

from __future__ import annotations

import json
import random
from math import ceil, exp

import pytest

from airflow_provider_dreambooth.api.log_text import Progress
from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import STAGES, outcome_of
from airflow_provider_dreambooth.exceptions import DreamboothRateLimitError, DreamboothTransientError
from airflow_provider_dreambooth.training.pace import LONGEST, SHORTEST, Pace, RenderingPace

FAULT = DreamboothTransientError("no answer")
#: Minutes announced at the begin of a stage, as documented.
ETAS = {
    "training_started": 30,
    "training_success": 15,
    "trained_model_uploading": 10,
    "trained_model_uploaded": 5,
}
#: Seconds of each stage that make the documented announcements true.
LENGTHS = dict(zip(STAGES, (180, 900, 150, 150, 300, 150, 150), strict=False))


def status(stage: str, eta_minutes: float | None = None, step: int | None = None) -> FineTuneStatus:
    eta = None if eta_minutes is None else eta_minutes * 60.0
    lines = () if eta is None else ("line",) * (step or 1)
    return FineTuneStatus("F5jvdzGnYi", stage, outcome_of(stage), Progress(lines, step, None, None, eta))


def steady(poll_interval: float | None = None, state: dict[str, object] | None = None) -> Pace:
    return Pace(poll_interval, jitter=lambda: 0.5, state=state)


@pytest.mark.parametrize("interval", [0.05, 1, 5.0, 60, 7200])
def test_a_fixed_interval_is_kept_exactly(interval: float) -> None:
    pace = Pace(interval)
    delays = {pace.next_delay(status(stage, 30), 1e9 + 100 * index) for index, stage in enumerate(STAGES)}
    assert delays == {interval}


@pytest.mark.parametrize("stage", STAGES[:-1])
@pytest.mark.parametrize("eta", [None, 0.0, 0.01, 5.0, 30.0, 1e6])
def test_it_stays_between_half_a_minute_and_seven_minutes(stage: str, eta: float | None) -> None:
    pace = Pace()
    for passed in (0.0, 40.0, 400.0, 4000.0, 4e5):
        assert SHORTEST <= pace.next_delay(status(stage, eta), 1e9 + passed) <= LONGEST * 1.1 < 420.0


def test_it_asks_seldom_at_the_begin_and_often_near_the_end() -> None:
    pace = steady()
    begin = pace.next_delay(status("training_started", 30, 1), 0.0)
    pace.next_delay(status("trained_model_uploading", 10, 3), 1250.0)
    end = pace.next_delay(status("deploying_model", 5, 4), 1750.0)
    assert begin > 240.0
    assert end < 45.0


def test_it_asks_more_often_as_a_short_announcement_runs_out() -> None:
    pace = steady()
    first = pace.next_delay(status("trained_model_uploaded", 5, 4), 0.0)
    assert pace.next_delay(status("trained_model_uploaded", 5, 4), 90.0) < first


def test_a_stage_that_overruns_by_far_is_asked_about_less_often() -> None:
    pace = steady()
    pace.next_delay(status("deploying_model", 5, 4), 0.0)
    soon = pace.next_delay(status("deploying_model", 5, 4), 400.0)
    late = pace.next_delay(status("deploying_model", 5, 4), 20_000.0)
    assert late > 2 * soon


def test_a_longer_announcement_for_a_later_stage_is_no_surprise() -> None:
    pace = steady()
    pace.next_delay(status("training_success", 15, 2), 0.0)
    assert pace.next_delay(status("trained_model_compressing", 25, 3), 300.0) >= SHORTEST


def test_what_earlier_announcements_were_worth_is_remembered() -> None:
    def after(minutes: float) -> float:
        pace = steady()
        pace.next_delay(status("training_started", 30, 1), 0.0)
        pace.next_delay(status("training_started", 30, 1), minutes * 60 - 60)
        pace.next_delay(status("training_success", 15, 2), minutes * 60)
        pace.next_delay(status("trained_model_uploaded", 5, 4), minutes * 60 + 300)
        return pace.next_delay(status("trained_model_uploaded", 5, 4), minutes * 60 + 330)

    assert after(34) > 1.2 * after(8.5), "a training that took four times as long is given more time"


def test_without_any_announcement_the_stages_alone_lead() -> None:
    pace = steady()
    begin = pace.next_delay(status("training_started"), 0.0)
    pace.next_delay(status("trained_model_uploaded"), 1500.0)
    assert begin > 3 * pace.next_delay(status("deploying_model"), 1600.0)


def test_a_stage_that_no_list_has_is_waited_for_with_sense() -> None:
    assert SHORTEST <= steady().next_delay(status("queued_for_gpu"), 0.0) <= LONGEST * 1.1


def test_an_old_announcement_does_not_start_anew_with_the_next_stage() -> None:
    stale, fresh = steady(), steady()
    for pace in (stale, fresh):
        pace.next_delay(status("training_success", 120, 2), 0.0)
    again = stale.next_delay(status("trained_model_uploading", 120, 2), 300.0)
    anew = fresh.next_delay(status("trained_model_uploading", 120, 3), 300.0)
    assert SHORTEST < again < anew


def test_tasks_started_together_spread_out() -> None:
    generator = random.Random(1)
    delays = {
        Pace(jitter=generator.random).next_delay(status("training_started", 30, 1), 0.0) for _ in range(50)
    }
    assert len(delays) == 50
    assert max(delays) - min(delays) > 30.0


def test_a_restored_pace_goes_on_as_if_nothing_had_happened() -> None:
    kept = steady()
    for stage, eta, now in (
        ("deploying_gpu", None, 0),
        ("training_started", 30, 200),
        ("training_success", 15, 900),
    ):
        kept.next_delay(status(stage, eta), 1e9 + now)
    kept.after_fault(FAULT, 1e9 + 950)
    restored = steady(state=json.loads(json.dumps(kept.state())))
    assert restored.state() == kept.state()
    assert len(json.dumps(kept.state())) < 500
    answer = status("training_success", 15)
    assert restored.next_delay(answer, 1e9 + 1000) == kept.next_delay(answer, 1e9 + 1000)


def test_a_training_that_lasts_long_is_looked_at_more_often_but_not_ever_more() -> None:
    def delay(watched: float) -> float:
        pace = steady()
        pace.next_delay(status("training_success", 15, 2), 1e9)
        restored = steady(state={**pace.state(), "first": 1e9 - watched})
        return restored.next_delay(status("training_success", 15, 2), 1e9 + 100.0)

    assert delay(0.0) == delay(2000.0) > delay(3500.0) > delay(5000.0) == delay(1e6)


def test_a_fixed_interval_has_no_state_to_keep() -> None:
    pace = Pace(60)
    pace.next_delay(status("training_started", 30), 0.0)
    assert pace.state() == {}


def test_faults_in_a_row_are_asked_about_ever_less_often() -> None:
    pace = Pace(jitter=lambda: 0.0)
    assert [pace.after_fault(FAULT, 0.0) for _ in range(6)] == [30.0, 60.0, 120.0, 240.0, 240.0, 240.0]
    pace.next_delay(status("training_started"), 0.0)
    assert pace.after_fault(FAULT, 0.0) == 30.0


def test_faults_of_a_fixed_interval_begin_with_it() -> None:
    pace = Pace(5, jitter=lambda: 0.0)
    assert [pace.after_fault(FAULT, 0.0) for _ in range(3)] == [5.0, 10.0, 20.0]
    assert Pace(3600, jitter=lambda: 0.0).after_fault(FAULT, 0.0) == 3600.0


def test_never_before_the_time_that_the_service_names() -> None:
    limited = DreamboothRateLimitError("limit", retry_after=90.0)
    assert Pace(jitter=lambda: 0.0).after_fault(limited, 0.0) == 90.0
    assert Pace(1, jitter=lambda: 0.0).after_fault(limited, 0.0) == 90.0


def test_waits_after_faults_are_spread() -> None:
    assert Pace(jitter=lambda: 1.0).after_fault(FAULT, 0.0) == 37.5


def _training(generator: random.Random, sigma: float) -> list[tuple[str, float]]:
    whole, begin, stages = exp(generator.gauss(0.0, sigma / 2**0.5)), 0.0, []
    for stage, seconds in LENGTHS.items():
        stages.append((stage, begin))
        begin += seconds * whole * exp(generator.gauss(0.0, sigma / 2**0.5))
    return [*stages, ("model_ready", begin)]


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.8])
def test_a_third_of_the_looks_of_60_seconds_and_noticed_sooner(sigma: float) -> None:
    """The benchmark tells the whole story; this keeps the promise on a small, fixed sample."""
    generator = random.Random(4)
    looks = fixed = 0
    delay = 0.0
    for number in range(300):
        training = _training(generator, sigma)
        wrong = (0.5, 1.0, 2.0)[number % 3]
        pace, now = Pace(jitter=generator.random), 0.0
        while now < training[-1][1]:
            seen = [stage for stage, begin in training if begin <= now]
            announced = [stage for stage in seen if stage in ETAS]
            eta = ETAS[announced[-1]] * wrong if announced else None
            now += pace.next_delay(status(seen[-1], eta, len(announced)), now)
            looks += 1
        fixed += ceil(training[-1][1] / 60.0)
        delay += now - training[-1][1]
    assert looks / fixed < 1 / 3
    assert delay / 300 < 25.0


def test_pictures_are_asked_for_when_they_are_due() -> None:
    pace = RenderingPace(jitter=lambda: 0.5)
    first = pace.next_delay(30.0, 0.0)
    assert 5.0 < first < 30.0
    assert 2.0 <= pace.next_delay(30.0, 30.0) < first


def test_pictures_are_never_asked_for_more_than_every_two_seconds() -> None:
    for eta in (None, 0.0, 0.01, 2.48):
        assert RenderingPace().next_delay(eta, 0.0) >= 2.0


def test_pictures_by_a_fixed_interval() -> None:
    pace = RenderingPace(0.5, jitter=lambda: 0.0)
    assert pace.next_delay(30.0, 0.0) == 0.5
    assert pace.after_fault(FAULT, 0.0) == 0.5
    assert RenderingPace(jitter=lambda: 0.0).after_fault(FAULT, 0.0) == 4.0
