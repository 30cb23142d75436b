# SPDX-License-Identifier: Apache-2.0
"""The client that all waiting tasks of a connection share: read once, renewed with the key, closed with the last."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from airflow_provider_dreambooth.api import model_calls, training_calls
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.exceptions import DreamboothAuthError, DreamboothTransientError
from airflow_provider_dreambooth.hooks import shared_client
from airflow_provider_dreambooth.hooks.shared_client import SharedClient
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.transport import asynchronous
from tests.unit.conftest import Served


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which connections were read."""
    seen: list[str] = []
    original = compat.get_connection

    async def reading(conn_id: str) -> Any:
        seen.append(conn_id)
        await asyncio.sleep(0)
        return await original(conn_id)

    monkeypatch.setattr(compat, "get_connection", reading)
    return seen


async def ask(client: SharedClient) -> None:
    await client.send(model_calls.list_models())


async def test_a_connection_is_read_once_for_many(served: Served, reads: list[str]) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(SharedClient("dreambooth_default")) for _ in range(20)]
        await asyncio.gather(*(ask(client) for client in clients))
        await asyncio.gather(*(ask(client) for client in clients))
        assert len({id(client._transport) for client in clients}) == 1
    assert reads == ["dreambooth_default"]


async def test_the_transport_is_closed_when_the_last_one_leaves(served: Served) -> None:
    loop = asyncio.get_running_loop()
    async with SharedClient("dreambooth_default") as first:
        await ask(first)
        async with SharedClient("dreambooth_default") as second:
            await ask(second)
        assert asynchronous._shared[loop]
        await ask(first)
        transport = first._transport
    assert not asynchronous._shared[loop]
    assert transport is not None
    assert transport._client is None


async def test_a_renewed_key_reaches_a_task_that_waits_already(served: Served, reads: list[str]) -> None:
    async with SharedClient("dreambooth_default") as client:
        await ask(client)
        served.connect(password="renewed" * 4)
        served.fault("invalid_key", times=1)
        await ask(client)
        assert client._settings is not None
        assert client._settings.api_key == "renewed" * 4
    assert len(reads) == 2


async def test_a_refused_key_that_is_still_the_same_is_an_error(served: Served, reads: list[str]) -> None:
    async with SharedClient("dreambooth_default") as client:
        await ask(client)
        served.fault("invalid_key")
        with pytest.raises(DreamboothAuthError) as caught:
            await ask(client)
    assert served.key not in str(caught.value)
    assert len(reads) == 2


async def test_a_refused_key_is_read_again_once_for_all_waiting_tasks(
    served: Served, reads: list[str]
) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(SharedClient("dreambooth_default")) for _ in range(10)]
        await asyncio.gather(*(ask(client) for client in clients))
        served.fault("invalid_key")
        results = await asyncio.gather(*(ask(client) for client in clients), return_exceptions=True)
        assert all(isinstance(result, DreamboothAuthError) for result in results)
    # Not once a task; a reading under way when a refusal comes is followed by one more.
    assert len(reads) <= 6


async def test_an_old_reading_is_renewed(
    served: Served, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SharedClient("dreambooth_default") as client:
        await ask(client)
        monkeypatch.setattr(shared_client, "READ_AGAIN_AFTER", -1.0)
        await ask(client)
    assert len(reads) == 2


async def test_it_knows_the_environment(served: Served) -> None:
    served.connect(extra={"environment": "sandbox"})
    async with SharedClient("dreambooth_default") as client:
        assert await client.environment() is Environment.SANDBOX


async def test_a_waiting_task_asks_again_by_its_own_pace_unless_told_otherwise(served: Served) -> None:
    training_id = served.train()
    call = training_calls.status(training_id, Environment.PRODUCTION)
    async with SharedClient("dreambooth_default") as client:
        served.fault("http_503", endpoint="status", times=1)
        with pytest.raises(DreamboothTransientError):
            await client.send(call)
        served.fault("http_503", endpoint="status", times=1)
        await client.send(call, patient=True)


async def test_one_that_fails_to_open_leaves_nothing_behind(served: Served, tmp_path: Any) -> None:
    broken = tmp_path / "bundle.pem"
    broken.write_text("no certificate")
    served.connect(extra={"verify": str(broken)})
    async with SharedClient("dreambooth_default") as client:
        with pytest.raises(Exception, match=r"bundle\.pem"):
            await ask(client)
    assert not asynchronous._shared.get(asyncio.get_running_loop())


class Backend:
    """Whether the connection can be read, and how often it was tried."""

    def __init__(self) -> None:
        self.down = False
        self.tries = 0


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Where connections come from, with a switch."""
    switch = Backend()
    original = compat.get_connection

    async def reading(conn_id: str) -> Any:
        switch.tries += 1
        await asyncio.sleep(0)
        if switch.down:
            raise LookupError("The conn_id isn't defined")
        return await original(conn_id)

    monkeypatch.setattr(compat, "get_connection", reading)
    return switch


@pytest.fixture
def old_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reading is older than five minutes, and every failure older than a minute."""
    monkeypatch.setattr(shared_client, "READ_AGAIN_AFTER", -1.0)
    monkeypatch.setattr(shared_client, "TRY_AGAIN_AFTER", -1.0)


@pytest.mark.usefixtures("old_at_once")
async def test_a_connection_that_cannot_be_read_for_a_while_stays_in_use(
    served: Served, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    async with SharedClient("dreambooth_default") as client:
        await ask(client)
        backend.down = True
        with caplog.at_level("INFO"):
            for _ in range(3):
                await ask(client)
            said = [record.getMessage() for record in caplog.records if record.name == shared_client.__name__]
            assert len(said) == 1, said
            assert "'dreambooth_default' could not be read here" in said[0]
            backend.down = False
            await ask(client)
        assert "can be read again" in caplog.text
        assert served.key not in caplog.text
    assert backend.tries == 5


@pytest.mark.usefixtures("old_at_once")
async def test_a_task_that_starts_during_an_outage_uses_it_too(served: Served, backend: Backend) -> None:
    async with SharedClient("dreambooth_default") as first:
        await ask(first)
        backend.down = True
        async with SharedClient("dreambooth_default") as second:
            assert await second.environment() is Environment.PRODUCTION
            await ask(second)


async def test_an_outage_is_asked_about_once_a_minute_not_once_a_task(
    served: Served, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(SharedClient("dreambooth_default")) for _ in range(10)]
        await asyncio.gather(*(ask(client) for client in clients))
        backend.down = True
        monkeypatch.setattr(shared_client, "READ_AGAIN_AFTER", -1.0)
        for _ in range(3):
            await asyncio.gather(*(ask(client) for client in clients))
    assert backend.tries == 2


async def test_a_first_reading_that_fails_is_shared_and_passing(served: Served, backend: Backend) -> None:
    backend.down = True
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(SharedClient("dreambooth_default")) for _ in range(10)]
        results = await asyncio.gather(*(ask(client) for client in clients), return_exceptions=True)
        assert all(isinstance(result, DreamboothTransientError) for result in results), results
        assert len({id(result) for result in results}) == 10
        assert backend.tries == 1
        backend.down = False
        await ask(clients[0])


async def test_a_refused_key_is_not_final_while_the_connection_cannot_be_read(
    served: Served, backend: Backend
) -> None:
    async with SharedClient("dreambooth_default") as client:
        await ask(client)
        backend.down = True
        served.fault("invalid_key", times=1)
        with pytest.raises(DreamboothTransientError, match="could not be read"):
            await ask(client)
        await ask(client)


@pytest.mark.usefixtures("old_at_once")
async def test_a_connection_that_is_spoiled_while_tasks_wait_does_not_end_their_wait(served: Served) -> None:
    async with SharedClient("dreambooth_default") as client:
        await ask(client)
        served.connect(password="")
        await ask(client)
    async with SharedClient("dreambooth_default") as client:
        await ask(client)


async def test_a_connection_that_was_never_usable_is_an_error_for_good(served: Served) -> None:
    served.connect(password="")
    async with SharedClient("dreambooth_default") as client:
        with pytest.raises(DreamboothAuthError, match="holds no API key"):
            await ask(client)
