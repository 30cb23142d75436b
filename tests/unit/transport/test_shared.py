# SPDX-License-Identifier: Apache-2.0
"""One client for all waiting tasks of a connection."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace

import pytest

from airflow_provider_dreambooth.api import training_calls
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.transport import asynchronous, blocking
from airflow_provider_dreambooth.transport.asynchronous import AsyncTransport, shared_transport
from airflow_provider_dreambooth.transport.blocking import blocking_transport
from airflow_provider_dreambooth.transport.rate_limit import RateLimit
from airflow_provider_dreambooth.transport.trust import tls_context
from tests.unit.transport.conftest import KEY, Serve
from tests.unit.transport.small_server import RUNNING

STATUS = training_calls.status("F5jvdzGnYi", Environment.SANDBOX)


def settings(url: str) -> ConnectionSettings:
    return ConnectionSettings(api_key=KEY, base_url=url)


async def test_many_tasks_share_one_client_and_few_connections(serve: Serve) -> None:
    server = serve(RUNNING)
    transports: list[AsyncTransport] = []

    async def wait() -> None:
        async with shared_transport(settings(server.url)) as transport:
            transports.append(transport)
            await transport.send(STATUS)
            await transport.send(STATUS)

    await asyncio.gather(*(wait() for _ in range(40)))
    assert len(server.requests) == 80
    assert len(set(map(id, transports))) == 1
    assert server.connections <= 5
    assert server.most_at_once <= 5


async def test_the_client_is_closed_when_the_last_one_leaves(serve: Serve) -> None:
    one = settings(serve(RUNNING).url)
    async with shared_transport(one) as first:
        async with shared_transport(one) as second:
            assert second is first
        assert (await first.send(STATUS)).stage == "training_started"
        assert first._client is not None
    assert first._client is None
    async with shared_transport(one) as third:
        assert third is not first


async def test_other_settings_have_their_own_client(serve: Serve) -> None:
    one = settings(serve(RUNNING).url)
    async with shared_transport(one) as first, shared_transport(replace(one, api_key="renewed")) as second:
        assert second is not first


def test_another_event_loop_has_its_own_client(serve: Serve) -> None:
    server = serve(RUNNING)

    async def ask() -> str:
        async with shared_transport(settings(server.url)) as transport:
            return (await transport.send(STATUS)).stage

    assert [asyncio.run(ask()) for _ in range(2)] == ["training_started"] * 2
    assert server.connections == 2


async def test_a_cancelled_first_task_does_not_take_the_client_from_the_others(serve: Serve) -> None:
    one = settings(serve(RUNNING).url)

    async def wait() -> str:
        async with shared_transport(one) as transport:
            return (await transport.send(STATUS)).stage

    first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "training_started"
    assert not asynchronous._shared[asyncio.get_running_loop()]


async def test_many_who_wait_for_the_client_do_not_go_on_in_one_round_of_the_loop() -> None:
    transport = AsyncTransport(ConnectionSettings(api_key=KEY))
    rounds = 0
    went_on: Counter[int] = Counter()

    async def count_rounds() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    async def use() -> None:
        await transport.open()
        went_on[rounds] += 1

    counting = asyncio.create_task(count_rounds())
    await asyncio.gather(*(use() for _ in range(100)))
    counting.cancel()
    await transport.close()
    assert max(went_on.values()) <= 2


async def test_a_bundle_that_cannot_be_read_is_reported_and_leaves_nothing_behind(tmp_path: object) -> None:
    one = ConnectionSettings(api_key=KEY, verify=f"{tmp_path}/gone.pem")
    with pytest.raises(DreamboothTransientError, match=r"gone.pem.*'verify'.*Nothing was sent"):
        async with shared_transport(one):
            pass
    assert not asynchronous._shared[asyncio.get_running_loop()]


async def test_the_tls_context_is_built_off_the_loop_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def build(verify: bool | str) -> object:
        threads.append(threading.current_thread())
        return tls_context(verify)

    monkeypatch.setattr("airflow_provider_dreambooth.transport.trust.tls_context", build)
    one = ConnectionSettings(api_key=KEY)
    async with shared_transport(one), shared_transport(one):
        pass
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
    assert tls_context(True) is tls_context(True)


def test_workers_share_one_transport_a_connection(serve: Serve) -> None:
    one = settings(serve(RUNNING).url)
    assert blocking_transport(one) is blocking_transport(settings(one.base_url))
    assert blocking_transport(one) is not blocking_transport(replace(one, timeout=1.0))


def test_a_forked_process_does_not_speak_over_its_parents_socket(serve: Serve) -> None:
    server = serve(RUNNING)
    one = settings(server.url)
    blocking_transport(one).send(STATUS)
    child = os.fork()
    if child == 0:
        try:
            fresh = one not in blocking._shared
            os._exit(0 if fresh and blocking_transport(one).send(STATUS).stage == "training_started" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    blocking_transport(one).send(STATUS)
    assert server.connections == 2


def test_neither_airflow_nor_an_http_library_is_imported_before_the_first_call() -> None:
    code = (
        "import sys; import airflow_provider_dreambooth.transport.blocking, "
        "airflow_provider_dreambooth.transport.asynchronous, airflow_provider_dreambooth.training.schedule; "
        "print([name for name in ('airflow', 'requests', 'urllib3', 'aiohttp', 'httpx', 'certifi') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("by", ["the event loop", "a thread"])
async def test_a_call_that_waits_goes_on_when_a_place_is_given_back(serve: Serve, by: str) -> None:
    one = settings(serve(RUNNING).url)
    limit = RateLimit(1)
    transport = AsyncTransport(one, limit=limit)
    assert limit.enter() is None
    calls = [asyncio.create_task(transport.send(STATUS)) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    if by == "a thread":
        await asyncio.to_thread(limit.leave)
    else:
        limit.leave()
    async with asyncio.timeout(30):
        assert [(await call).stage for call in calls[1:]] == ["training_started"] * 2
    assert limit.under_way == 0
    await transport.close()
