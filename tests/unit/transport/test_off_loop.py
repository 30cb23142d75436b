# SPDX-License-Identifier: Apache-2.0
"""Work beside the event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from airflow_provider_dreambooth.transport.off_loop import A_ROUND, load, off_loop, turn


async def test_the_work_is_done_in_another_thread() -> None:
    assert await off_loop(threading.current_thread) is not threading.current_thread()


async def test_many_who_need_a_module_import_it_once_and_off_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "slow_to_import.py").write_text("import threading\nthread = threading.current_thread()\n")
    await asyncio.gather(*(load("slow_to_import") for _ in range(20)))
    assert sys.modules.pop("slow_to_import").thread is not threading.current_thread()


async def test_one_who_is_cancelled_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "imported_after_all.py").write_text("")
    first, second = (asyncio.create_task(load("imported_after_all")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert "imported_after_all" in sys.modules
    del sys.modules["imported_after_all"]


async def test_a_module_that_cannot_be_imported_is_tried_again() -> None:
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            await load("there_is_no_such_module")


async def test_many_who_start_together_go_on_a_few_in_each_round_of_the_loop() -> None:
    went_on: list[int] = []
    rounds = 0

    async def start() -> None:
        await turn()
        went_on.append(rounds)

    starting = [asyncio.create_task(start()) for _ in range(10 * A_ROUND)]
    while not all(task.done() for task in starting):
        rounds += 1
        await asyncio.sleep(0)
    assert set(Counter(went_on).values()) == {A_ROUND}


async def test_who_gives_up_its_turn_holds_nobody_up() -> None:
    async def start() -> None:
        await turn()

    first, second, *others = (asyncio.create_task(start()) for _ in range(10))
    await asyncio.sleep(0)
    first.cancel()
    others[-1].cancel()
    async with asyncio.timeout(30):
        await asyncio.gather(second, *others[:-1])
        await start()
