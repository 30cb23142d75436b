# SPDX-License-Identifier: Apache-2.0
"""
Many waiting tasks in one process: what their status polls cost.

Run as a program of its own in the environment of whatever is measured (it imports nothing of this project but
the trigger under test). Prints one line of JSON. A watchman in the same event loop notes how long the loop
was held by anything.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import logging
import os
import random
import ssl
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

Waiter = Callable[[int], Coroutine[Any, Any, None]]

_CONNECTIONS = 5
_TICK = 0.002
_WARM_UP = 2.0
#: Seconds over which the first polls fall, for all that is compared: this provider's trigger does so by itself.
_SPREAD = 5.0


async def _drain(trigger: Any) -> None:
    async for _ in trigger.run():
        raise RuntimeError("a training that never ends has ended")


def _dreambooth(port: int, interval: float) -> Waiter:
    from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger

    async def wait(number: int) -> None:
        await _drain(
            DreamboothFineTuneTrigger(
                training_id=f"training{number:05d}",
                dreambooth_conn_id="bench_dreambooth",
                poll_interval=interval,
                end_time=time.time() + 3600,
            )
        )

    return wait


def _dbt_cloud(port: int, interval: float) -> Waiter:
    from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger  # type: ignore[import-not-found]

    async def wait(number: int) -> None:
        await _drain(
            DbtCloudRunJobTrigger(
                conn_id="bench_dbt",
                run_id=number,
                account_id=1,
                poll_interval=interval,
                end_time=time.time() + 3600,
            )
        )

    return wait


def _anthropic(port: int, interval: float) -> Waiter:
    from airflow.providers.anthropic.triggers.batch import AnthropicBatchTrigger  # type: ignore[import-not-found]

    async def wait(number: int) -> None:
        await _drain(
            AnthropicBatchTrigger(
                conn_id="bench_anthropic",
                batch_id=f"msgbatch_{number}",
                poll_interval=interval,
                end_time=time.time() + 3600,
            )
        )

    return wait


def _bare_aiohttp(port: int, interval: float) -> Waiter:
    import aiohttp

    session: aiohttp.ClientSession | None = None

    async def wait(number: int) -> None:
        nonlocal session
        if session is None:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS), timeout=aiohttp.ClientTimeout(total=60)
            )
        url = f"https://127.0.0.1:{port}/api/sandbox/v3/fine_tune_status/training{number:05d}"
        while True:
            async with session.post(url, json={"key": "k" * 40}) as response:
                (await response.json())["messege"]
            await asyncio.sleep(interval)

    return wait


def _bare_httpx(port: int, interval: float) -> Waiter:
    import httpx

    client: httpx.AsyncClient | None = None
    # Its own queue for connections is slow with hundreds of waiting requests: it never gets one here.
    places = asyncio.Semaphore(_CONNECTIONS)

    async def wait(number: int) -> None:
        nonlocal client
        if client is None:
            client = httpx.AsyncClient(
                verify=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]),
                limits=httpx.Limits(max_connections=_CONNECTIONS),
                timeout=60,
            )
        url = f"https://127.0.0.1:{port}/api/sandbox/v3/fine_tune_status/training{number:05d}"
        while True:
            async with places:
                (await client.post(url, json={"key": "k" * 40})).json()["messege"]
            await asyncio.sleep(interval)

    return wait


KINDS: dict[str, Callable[[int, float], Waiter]] = {
    "dreambooth": _dreambooth,
    "dbt-cloud": _dbt_cloud,
    "anthropic": _anthropic,
    "aiohttp": _bare_aiohttp,
    "httpx": _bare_httpx,
}


def _load_triggerer() -> None:
    """Load what a triggerer has loaded before its first trigger, and read one connection as it does."""
    from airflow.sdk import BaseHook

    importlib.import_module("airflow.jobs.triggerer_job_runner")

    BaseHook.get_connection("bench_dbt")
    # A collection of the whole heap, due since the imports above, would be counted against whoever comes next.
    gc.collect()


def _set_environment(port: int, certificate: str) -> None:
    os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = certificate
    url = f"https://127.0.0.1:{port}"
    connections: dict[str, dict[str, Any]] = {
        "DREAMBOOTH": {"conn_type": "dreambooth", "host": url, "password": "k" * 40},
        "DBT": {"conn_type": "dbt_cloud", "host": f"127.0.0.1:{port}", "password": "k" * 40, "login": "1"},
        "ANTHROPIC": {"conn_type": "anthropic", "host": url, "password": "k" * 40},
    }
    for name, connection in connections.items():
        os.environ[f"AIRFLOW_CONN_BENCH_{name}"] = json.dumps(connection)


def _counters(port: int, certificate: str) -> dict[str, float]:
    context = ssl.create_default_context(cafile=certificate)
    with urllib.request.urlopen(f"https://127.0.0.1:{port}/counters", context=context) as answer:
        counters: dict[str, float] = json.load(answer)
    return counters


def _memory(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


class _Held:
    """
    The longest time for which the event loop did not come round, by the clock and in CPU of its thread.

    On a busy machine the clock counts what other programs take; CPU does not, but it leaves out waiting. Python's
    garbage collection now and then goes over the whole heap, which is large with Airflow: it is shown apart.
    """

    def __init__(self) -> None:
        self.clock = self.cpu = self.own = self.collector = 0.0
        self._collecting = self._collected = 0.0
        gc.callbacks.append(self._note_collection)

    def _note_collection(self, phase: str, _: dict[str, int]) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            took = time.thread_time() - self._collecting
            self._collected += took
            self.collector = max(self.collector, took)

    async def watch(self) -> None:
        last, used = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_TICK)
            now, now_used = time.perf_counter(), time.thread_time()
            self.clock = max(self.clock, now - last - _TICK)
            self.cpu = max(self.cpu, now_used - used)
            self.own = max(self.own, now_used - used - self._collected)
            self._collected = 0.0
            last, used = now, now_used

    def take(self, name: str) -> dict[str, float]:
        """Return the figures in milliseconds and start anew."""
        found = {
            f"{name}_ms": 1000 * self.clock,
            f"{name}_cpu_ms": 1000 * self.cpu,
            f"{name}_without_collector_ms": 1000 * self.own,
            f"{name}_collector_ms": 1000 * self.collector,
        }
        self.clock = self.cpu = self.own = self.collector = 0.0
        return found


def _spread(waiter: Waiter, over: float) -> Waiter:
    async def wait(number: int) -> None:
        await asyncio.sleep(random.uniform(0.0, over))
        await waiter(number)

    return wait


async def _measure(
    waiter: Waiter,
    many: Waiter,
    tasks: int,
    settle: float,
    seconds: float,
    count: Callable[[], dict[str, float]],
) -> dict[str, float]:
    held = _Held()
    watchman = asyncio.create_task(held.watch())
    await asyncio.sleep(0.05)
    held.take("nothing")
    # What is paid once in a process (imports, TLS context) holds the loop or not, but is no part of a poll.
    first = asyncio.create_task(waiter(tasks))
    await asyncio.sleep(_WARM_UP)
    first.cancel()
    await asyncio.wait([first])
    figures = held.take("held_at_start")
    await asyncio.to_thread(count)
    held.take("nothing")
    started, cpu = time.perf_counter(), time.process_time()
    waiting = []
    for number in range(tasks):
        # Airflow's triggerer lets the loop come round before each trigger that it creates.
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(many(number)))
    if settle:
        await asyncio.sleep(settle)
        figures |= held.take("held_by_beginning")
        await asyncio.to_thread(count)
        started, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    used, took = time.process_time() - cpu, time.perf_counter() - started
    later = held.take("held")
    failed = [task for task in waiting if task.done()]
    if failed:
        failed[0].result()
    watchman.cancel()
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting, timeout=20)
    return {"cpu_seconds": used, "seconds": took, **figures, **later}


def main() -> None:
    """Run one measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--settle", type=float, default=0.0, help="seconds before what is counted")
    parser.add_argument("--seconds", type=float, default=14.9)
    options = parser.parse_args()
    logging.disable(logging.DEBUG)
    _set_environment(options.port, options.certificate)
    if options.kind in ("dreambooth", "dbt-cloud", "anthropic"):
        _load_triggerer()
    waiter = many = KINDS[options.kind](options.port, options.interval)
    if options.kind != "dreambooth":
        many = _spread(waiter, min(_SPREAD, options.interval))
    before = _memory("VmRSS")

    def count() -> dict[str, float]:
        return _counters(options.port, options.certificate)

    result: dict[str, Any] = asyncio.run(
        _measure(waiter, many, options.tasks, options.settle, options.seconds, count)
    )
    counted = count()
    result |= {
        "kind": options.kind,
        "tasks": options.tasks,
        "interval": options.interval,
        "polls": counted["requests"],
        "opened": counted["opened"] - 1,  # this question's own connection
        "most_open": counted["most_open"] - 1,
        "latest": max(0.0, counted["longest_gap"] - options.interval),
        "rss_mb": _memory("VmHWM"),
        "rss_before_mb": before,
        "cpu_ms_a_poll": 1000 * result["cpu_seconds"] / max(1, counted["requests"]),
    }
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
