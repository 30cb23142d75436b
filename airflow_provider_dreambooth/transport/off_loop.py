# SPDX-License-Identifier: Apache-2.0
"""
Work that would hold the event loop (imports, TLS contexts) in a thread of its own.

Not in the loop's own pool: its few threads are shared with every other provider and may all be taken.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakKeyDictionary

Result = TypeVar("Result")

_loaded: set[tuple[str, ...]] = set()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def off_loop(work: Callable[[], Result]) -> Result:
    """
    Do some work in a new thread and return its result.

    :param work: called without arguments.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix="dreambooth")
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, work)
    finally:
        executor.shutdown(wait=False)


async def load(*modules: str) -> None:
    """
    Import modules in a thread, once for all who ask. To be awaited at the beginning of what needs them.

    Whoever imports them in the event loop afterwards finds them there; an import that begins while the thread is
    still at it would wait for it, and hold the loop. Those who ask at the same time go on one after the other, one
    in each turn of the loop: thousands of triggers that start together would hold it as well.

    :param modules: their full names.
    """
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        if modules in _loaded:
            await asyncio.sleep(0)
        else:
            await off_loop(lambda: _import(modules))


def _import(modules: tuple[str, ...]) -> None:
    for name in modules:
        importlib.import_module(name)
    _loaded.add(modules)
