"""The account's limits as a decision: how many at once, when nobody, when more again."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_dreambooth.transport.limiter import STEP, Limiter


def limiter(most: int = 4) -> Limiter:
    return Limiter(most, "https://service.example", lambda: 0.0)


def test_no_more_than_allowed_are_under_way() -> None:
    one = limiter(2)
    assert [one.enter(0.0) for _ in range(3)] == [True, True, False]
    one.leave()
    assert one.enter(0.0)


def test_everybody_pauses_for_the_time_the_service_names() -> None:
    one = limiter()
    one.refused(20.0, "/a", now=100.0)
    assert one.pause_left(100.0) == 20.0
    assert not one.enter(119.0)
    assert one.enter(120.0)


def test_those_who_pause_do_not_all_come_back_at_one_moment() -> None:
    assert Limiter(4, jitter=lambda: 0.5).pause_left(0.0) == 0.0
    one = Limiter(4, jitter=lambda: 0.5)
    one.refused(20.0, "/a", now=100.0)
    assert one.pause_left(100.0) == 21.0


def test_half_as_many_go_on_afterwards_and_it_opens_up_one_by_one() -> None:
    one = limiter(4)
    one.refused(20.0, "/a", now=100.0)
    assert one.allowed == 2
    one.accepted(120.0)
    assert one.allowed == 2, "not in the moment the pause is over"
    now = 120.0 + STEP
    one.accepted(now)
    one.accepted(now + 1.0)
    assert one.allowed == 3, "a volley of good answers is one step"
    one.accepted(now + STEP)
    assert one.allowed == 4
    assert not one.holds_back


def test_a_volley_of_refusals_cuts_once() -> None:
    one = limiter(16)
    for _ in range(5):
        one.refused(20.0, "/a", now=100.0)
    assert one.allowed == 8


def test_a_refusal_after_the_pause_cuts_again_but_never_to_nothing() -> None:
    one = limiter(4)
    for now in (100.0, 200.0, 300.0, 400.0):
        one.refused(20.0, "/a", now)
    assert one.allowed == 1


def test_the_filter_for_repeated_requests_concerns_one_call_alone() -> None:
    one = limiter()
    one.refused(None, "/status/a", now=100.0)
    one.refused(None, "/status/a", now=101.0)
    assert one.enter(101.0)
    assert one.allowed == 4


def test_two_different_calls_refused_without_a_time_concern_all() -> None:
    one = limiter()
    one.refused(None, "/status/a", now=100.0)
    one.refused(None, "/status/b", now=101.0)
    assert one.pause_left(101.0) == 30.0


def test_an_absurd_time_is_bounded() -> None:
    one = limiter()
    one.refused(1e9, "/a", now=0.0)
    assert one.pause_left(0.0) == 600.0


def test_one_line_when_it_holds_back_and_one_when_it_opens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one = limiter(2)
    for now in (100.0, 101.0, 200.0):
        one.refused(20.0, "/a", now)
    for step in range(1, 9):
        one.accepted(220.0 + step * STEP)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "asks to slow down" in caplog.messages[0]
    assert "has room again: up to 2 calls" in caplog.messages[1]
