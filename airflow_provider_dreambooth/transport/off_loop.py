# SPDX-License-Identifier: Apache-2.0
"""
Work that would hold the event loop (imports, TLS contexts) in a thread of its own.

Not in the loop's own pool: its few threads are shared with every other provider and may all be taken.
"""

from __future__ import annotations

import asyncio
import importlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakKeyDictionary

Result = TypeVar("Result")

#: Turns in one round of the event loop: a millisecond of it. Fewer would make those late who wait while others poll.
A_ROUND = 20

_loaded: set[tuple[str, ...]] = set()
_imports: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, deque[asyncio.Future[None]]] = WeakKeyDictionary()


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
    still at it would wait for it, and hold the loop.

    :param modules: their full names.
    """
    if modules not in _loaded:
        async with _imports.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if modules not in _loaded:
                await off_loop(lambda: _import(modules))


def turn() -> asyncio.Future[None]:
    """
    Return what to await for a turn: those who ask at the same time go on a few in each round of the loop.

    Thousands of triggers that start, or wake, together would hold the loop. A plain function: it is all that each of
    them does at once.
    """
    loop = asyncio.get_running_loop()
    waiting = _turns.get(loop)
    if waiting is None:
        waiting = _turns[loop] = deque()
    mine = loop.create_future()
    waiting.append(mine)
    if len(waiting) == 1:
        loop.call_soon(_next, loop, waiting)
    return mine


def _next(loop: asyncio.AbstractEventLoop, waiting: deque[asyncio.Future[None]]) -> None:
    given = 0
    while waiting and given < A_ROUND:
        # Who was cancelled meanwhile needs none.
        if not (first := waiting.popleft()).done():
            first.set_result(None)
            given += 1
    if waiting:
        loop.call_soon(_next, loop, waiting)


def _import(modules: tuple[str, ...]) -> None:
    for name in modules:
        importlib.import_module(name)
    _loaded.add(modules)
