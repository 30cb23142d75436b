"""The client that all waiting tasks of a connection share: read once, renewed with the key, closed with the last."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from airflow_provider_dreambooth import compat
from airflow_provider_dreambooth.api import model_calls, training_calls
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.exceptions import DreamboothAuthError, DreamboothTransientError
from airflow_provider_dreambooth.hooks import shared_client
from airflow_provider_dreambooth.hooks.shared_client import SharedClient
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


async def test_a_refused_key_is_read_anew_once_for_all_who_wait(served: Served, reads: list[str]) -> None:
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
