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
_loading: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], asyncio.Future[None]]] = (
    WeakKeyDictionary()
)


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
    Import modules in a thread, once for all who ask.

    Whoever imports them in the event loop afterwards finds them there. To be awaited before such an import: one that
    begins while the thread is still at it would wait for it, and hold the loop.

    :param modules: their full names.
    """
    if modules in _loaded:
        return
    of_loop = _loading.setdefault(asyncio.get_running_loop(), {})
    loading = of_loop.get(modules)
    if loading is None:
        loading = of_loop[modules] = asyncio.ensure_future(off_loop(lambda: _import(modules)))
        loading.add_done_callback(lambda _: of_loop.pop(modules, None))
    # One that is cancelled must not take it from the others.
    await asyncio.shield(loading)


def _import(modules: tuple[str, ...]) -> None:
    for name in modules:
        importlib.import_module(name)
    _loaded.add(modules)
