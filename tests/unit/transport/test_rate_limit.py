# SPDX-License-Identifier: Apache-2.0
"""The account's limits: how many requests at a time, and when none, for threads and event loops alike."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothRateLimitError
from airflow_provider_dreambooth.transport.rate_limit import RateLimit, Turn, rate_limit_of
from tests.unit.transport.conftest import Clock


@pytest.fixture
def limit(clock: Clock) -> RateLimit:
    return RateLimit(1, "https://service.example", clock, jitter=lambda: 0.0)


def waiting(limit: RateLimit) -> Turn:
    """A turn in the queue: no place was free."""
    turn = limit.enter()
    assert turn is not None
    return turn


def test_no_more_than_allowed_are_under_way_and_the_next_comes_in_turn(limit: RateLimit) -> None:
    assert limit.enter() is None
    turns = [waiting(limit) for _ in range(3)]
    for done in range(3):
        limit.leave()
        assert [turn.done() for turn in turns] == [number <= done for number in range(3)]
    limit.leave()
    assert limit.under_way == 0


def test_who_gives_up_is_passed_over(limit: RateLimit) -> None:
    limit.enter()
    first, second = waiting(limit), waiting(limit)
    limit.drop(first)
    limit.leave()
    assert second.done()


def test_a_place_that_was_given_in_the_moment_of_giving_up_goes_to_the_next(limit: RateLimit) -> None:
    limit.enter()
    first, second = waiting(limit), waiting(limit)
    limit.leave()
    limit.drop(first)
    assert second.done()
    limit.leave()
    assert limit.under_way == 0


def test_a_thread_waits_for_a_place_that_an_event_loop_holds(limit: RateLimit) -> None:
    async def hold() -> None:
        limit.enter()
        turn = waiting(limit)
        thread = threading.Thread(target=lambda: waiting(limit).result(5))
        thread.start()
        limit.leave()
        await asyncio.wait_for(asyncio.wrap_future(turn), 5)
        while thread.is_alive():
            limit.leave()
            await asyncio.sleep(0.001)

    asyncio.run(hold())


def test_a_full_queue_pauses_the_account_for_the_time_that_the_service_names(
    limit: RateLimit, clock: Clock
) -> None:
    limit.note(DreamboothRateLimitError("full", retry_after=20.0))
    assert limit.pause_left() == 20.0
    clock.now += 20.0
    assert limit.pause_left() == 0.0


def test_the_filter_for_repeated_requests_pauses_nobody_else(limit: RateLimit) -> None:
    limit.note(DreamboothRateLimitError("same request", retry_after=30.0, whole_account=False))
    assert limit.pause_left() == 0.0


def test_a_full_queue_without_a_time_pauses_for_half_a_minute(limit: RateLimit) -> None:
    limit.note(DreamboothRateLimitError("full"))
    assert limit.pause_left() == 30.0


def test_a_pause_is_bounded_by_ten_minutes(limit: RateLimit) -> None:
    limit.note(DreamboothRateLimitError("full", retry_after=1e308))
    assert limit.pause_left() == 600.0


def test_those_who_pause_do_not_all_come_back_at_one_moment(clock: Clock) -> None:
    limit = RateLimit(1, clock=clock, jitter=lambda: 0.5)
    limit.note(DreamboothRateLimitError("full", retry_after=20.0))
    assert limit.pause_left() == 21.0


def test_a_pause_is_one_line_in_the_log(limit: RateLimit, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        limit.note(DreamboothRateLimitError("full", retry_after=20.0))
    assert caplog.messages == [
        "https://service.example rate limited this account: all its calls from this process wait 20 s."
    ]


def test_one_limit_for_an_account_whatever_else_differs() -> None:
    settings = ConnectionSettings(api_key="key of a limit", timeout=1.0)
    assert rate_limit_of(settings) is rate_limit_of(ConnectionSettings(api_key="key of a limit", timeout=2.0))
    assert rate_limit_of(settings) is not rate_limit_of(ConnectionSettings(api_key="another key"))


def test_a_forked_process_starts_with_free_places() -> None:
    settings = ConnectionSettings(api_key="key before the fork", max_concurrent_requests=1)
    assert rate_limit_of(settings).enter() is None
    child = os.fork()
    if child == 0:
        os._exit(0 if rate_limit_of(settings).enter() is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    rate_limit_of(settings).leave()
