"""One gate for all calls of an account, threads and event loops alike."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothRateLimitError
from airflow_provider_dreambooth.transport.gate import Gate, gate_of
from airflow_provider_dreambooth.transport.limiter import Limiter
from tests.unit.transport.conftest import Clock


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(Limiter(1, jitter=lambda: 0.0), clock)


async def test_who_waits_gets_the_place_in_turn(gate: Gate) -> None:
    order: list[int] = []

    async def visit(number: int) -> None:
        await gate.enter_async()
        order.append(number)
        await asyncio.sleep(0)
        gate.leave()

    await asyncio.gather(*(visit(number) for number in range(20)))
    assert order == list(range(20))
    assert gate.limiter.under_way == 0


async def test_nobody_overtakes_the_queue(gate: Gate) -> None:
    assert gate.try_enter()
    waiting = asyncio.create_task(gate.enter_async())
    await asyncio.sleep(0)
    gate.leave()
    assert not gate.try_enter(), "the place was given to the one who waited"
    await waiting


async def test_a_cancelled_caller_gives_its_turn_away(gate: Gate) -> None:
    assert gate.try_enter()
    first, second = (asyncio.create_task(gate.enter_async()) for _ in range(2))
    await asyncio.sleep(0)
    gate.leave()  # the place is the first one's from here
    first.cancel()
    await asyncio.wait_for(second, 5)
    assert first.cancelled()
    gate.leave()
    assert gate.limiter.under_way == 0


async def test_a_cancelled_caller_leaves_the_queue(gate: Gate) -> None:
    assert gate.try_enter()
    waiting = asyncio.create_task(gate.enter_async())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    gate.leave()
    assert gate.try_enter()


async def test_a_pause_is_slept_through_and_queued_callers_sleep_too(gate: Gate, clock: Clock) -> None:
    assert gate.try_enter()
    waiting = asyncio.create_task(gate.enter_async(clock.async_sleep))
    await asyncio.sleep(0)
    gate.note(DreamboothRateLimitError("limit", retry_after=20.0), "/a")
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.wait_for(waiting, 5)
    assert clock.slept == [20.0]


def test_a_thread_waits_for_a_place_that_an_event_loop_holds(gate: Gate) -> None:
    entered = threading.Event()

    def visit() -> None:
        gate.enter()
        entered.set()

    async def hold() -> None:
        await gate.enter_async()
        thread.start()
        while not gate._queue:  # noqa: ASYNC110 - a thread joins it
            await asyncio.sleep(0)
        assert not entered.is_set()
        gate.leave()

    thread = threading.Thread(target=visit)
    asyncio.run(hold())
    thread.join(5)
    assert entered.is_set()


def test_a_place_meant_for_a_closed_event_loop_goes_to_the_next(gate: Gate) -> None:
    assert gate.try_enter()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(gate.enter_async())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    gate.leave()
    assert gate.try_enter()
    del waiting


def test_a_thread_sleeps_through_a_pause(gate: Gate, clock: Clock) -> None:
    gate.note(DreamboothRateLimitError("limit", retry_after=20.0), "/a")
    gate.enter(clock.sleep)
    assert clock.slept == [20.0]


def test_one_gate_for_an_account_whatever_else_differs() -> None:
    settings = ConnectionSettings(api_key="key of a gate", timeout=1.0)
    assert gate_of(settings) is gate_of(ConnectionSettings(api_key="key of a gate", timeout=2.0))
    assert gate_of(settings) is not gate_of(ConnectionSettings(api_key="another key"))


def test_a_forked_process_starts_with_free_places() -> None:
    settings = ConnectionSettings(api_key="key before the fork", max_concurrent_requests=1)
    assert gate_of(settings).try_enter()
    child = os.fork()
    if child == 0:
        os._exit(0 if gate_of(settings).try_enter() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate_of(settings).leave()
