# SPDX-License-Identifier: Apache-2.0
"""Thousands of triggers in one event loop: how they begin, and what is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import stat
import time
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.training.deadline import LAST_POLL
from airflow_provider_dreambooth.transport import asynchronous
from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger
from airflow_provider_dreambooth.triggers.polling import SPREAD
from tests.unit.conftest import Served

MANY = 5000


def trigger(training_id: str = "T1", **changes: object) -> DreamboothFineTuneTrigger:
    arguments: dict[str, object] = {"training_id": training_id, "dreambooth_conn_id": "dreambooth_default"}
    return DreamboothFineTuneTrigger(**{**arguments, **changes})  # type: ignore[arg-type]


def test_a_trigger_whose_first_poll_is_to_come_waits_for_it_and_no_longer() -> None:
    assert 99.0 < trigger(first_poll=time.time() + 100.0)._until_first_poll() <= 100.0


def test_triggers_that_a_restarted_triggerer_starts_at_once_begin_one_after_the_other() -> None:
    delays = [trigger(first_poll=1.0)._until_first_poll() for _ in range(200)]
    assert 0.0 <= min(delays) < 0.2 * SPREAD
    assert 0.8 * SPREAD < max(delays) <= SPREAD


def test_no_trigger_begins_after_its_deadline_or_later_than_its_interval() -> None:
    assert trigger(first_poll=1.0, end_time=2.0)._until_first_poll() == 0.0
    assert max(trigger(poll_interval=0.1)._until_first_poll() for _ in range(50)) <= 0.1


def test_a_poll_that_the_rate_limit_pauses_does_not_outlast_airflows_own_timeout() -> None:
    assert trigger()._longest_poll() is None
    longest = trigger(end_time=time.time() + 50.0)._longest_poll()
    assert longest is not None
    assert 49.0 + LAST_POLL < longest <= 50.0 + LAST_POLL
    assert trigger(end_time=1.0)._longest_poll() == LAST_POLL


async def test_a_paused_poll_ends_as_a_timeout_and_not_as_an_error(
    served: Served, mocker: MockerFixture
) -> None:
    async def hang(call: object) -> None:
        await asyncio.sleep(3600)

    mocker.patch("airflow_provider_dreambooth.triggers.polling.LAST_POLL", 0.05)
    mocker.patch(
        "airflow_provider_dreambooth.hooks.shared_client.SharedClient.send",
        side_effect=hang,
    )
    waiting = trigger(end_time=time.time() + 0.2, poll_interval=0.05)
    async with asyncio.timeout(30):
        (event,) = [event.payload async for event in waiting.run()]
    assert event["status"] == "timeout"


def open_sockets() -> int:
    found = 0
    for descriptor in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):
            found += stat.S_ISSOCK(os.fstat(int(descriptor.name)).st_mode)
    return found


async def shut_down_with_thousands_waiting(
    served: Served, arguments: dict[str, object], meanwhile: Callable[[], Awaitable[None]]
) -> None:
    """One life of a triggerer: thousands start, poll, and are cancelled as a shutdown does it."""

    async def wait() -> None:
        async for _ in DreamboothFineTuneTrigger(**arguments).run():  # type: ignore[arg-type]
            raise AssertionError("the training is still running")

    before = asyncio.all_tasks()
    polls = served.service.trainings[str(arguments["training_id"])]
    seen = polls.status_polls
    waiting = [asyncio.create_task(wait()) for _ in range(MANY)]
    async with asyncio.timeout(120):
        while polls.status_polls < seen + 100:  # noqa: ASYNC110 - counted by the server
            await asyncio.sleep(0.05)
        await meanwhile()
    for task in waiting:
        task.cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)
    assert {type(result) for result in ended} == {asyncio.CancelledError}
    assert not asynchronous._shared.get(asyncio.get_running_loop())
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("changed", [False, True], ids=["same connection", "changed connection"])
def test_thousands_of_waits_leave_nothing_behind_when_the_triggerer_is_shut_down_and_started_again(
    served: Served, changed: bool, mocker: MockerFixture
) -> None:
    mocker.patch("airflow_provider_dreambooth.hooks.shared_client.READ_AGAIN_AFTER", 0.1)
    timeouts: set[float] = set()

    async def change() -> None:
        if changed:
            served.connect(extra={"timeout": 9})
        wanted = {10.0, 9.0} if changed else {10.0}
        while not wanted <= timeouts:
            timeouts.update(one.timeout for one in asynchronous._shared[asyncio.get_running_loop()])
            await asyncio.sleep(0.05)

    _, arguments = trigger(served.train(), poll_interval=0.5).serialize()
    sockets = open_sockets()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            asyncio.run(shut_down_with_thousands_waiting(served, arguments, change))
            served.connect()
            timeouts.clear()
        gc.collect()
    assert [str(warning.message) for warning in caught if warning.category is ResourceWarning] == []
    deadline = time.monotonic() + 30
    while open_sockets() > sockets and time.monotonic() < deadline:
        time.sleep(0.05)  # the server closes its ends in a thread of its own
    assert open_sockets() <= sockets
