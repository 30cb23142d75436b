# SPDX-License-Identifier: Apache-2.0
"""Thousands of triggers in one event loop: how they begin, and what is left of them."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.training.deadline import LAST_POLL
from airflow_provider_dreambooth.transport import asynchronous
from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger
from airflow_provider_dreambooth.triggers.polling import SPREAD
from tests.unit.conftest import Served

MANY = 300


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
    mocker.patch("airflow_provider_dreambooth.triggers.polling.LAST_POLL", 0.05)
    mocker.patch(
        "airflow_provider_dreambooth.hooks.shared_client.SharedClient.send",
        side_effect=lambda call: asyncio.sleep(3600),
    )
    waiting = trigger(end_time=time.time() + 0.2, poll_interval=0.05)
    async with asyncio.timeout(30):
        (event,) = [event.payload async for event in waiting.run()]
    assert event["status"] == "timeout"


@pytest.mark.parametrize("changed", [False, True], ids=["same connection", "changed connection"])
async def test_a_shutdown_leaves_no_task_no_client_and_no_warning(served: Served, changed: bool) -> None:
    training_id = served.train()

    async def wait() -> None:
        async for _ in trigger(training_id, poll_interval=0.5).run():
            raise AssertionError("the training is still running")

    before = asyncio.all_tasks()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        waiting = [asyncio.create_task(wait()) for _ in range(MANY)]
        while served.service.trainings[training_id].status_polls < 20:  # noqa: ASYNC110 - counted by the server
            await asyncio.sleep(0.05)
        if changed:
            served.connect(extra={"timeout": 9})
            await asyncio.sleep(0.2)
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(0)
        gc.collect()
    assert {type(result) for result in ended} == {asyncio.CancelledError}
    assert not asynchronous._shared.get(asyncio.get_running_loop())
    assert asyncio.all_tasks() == before
    assert [str(warning.message) for warning in caught if warning.category is ResourceWarning] == []
