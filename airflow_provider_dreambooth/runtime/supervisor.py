# SPDX-License-Identifier: Apache-2.0
"""Messages that a trigger sends to its supervisor (Airflow 3).

They are Airflow's private interface and therefore all in this file, each with a test that notices when Airflow
changes it. Each returns ``None`` or ``False`` when the supervisor has no answer: nothing here may end a wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
log = logging.getLogger(__name__)


def _place(task_instance: Any) -> dict[str, Any]:
    index = getattr(task_instance, "map_index", None)
    return {
        "dag_id": task_instance.dag_id,
        "run_id": task_instance.run_id,
        "task_id": task_instance.task_id,
        "map_index": index if index is not None and index >= 0 else None,
    }


def name_in_states(task_instance: Any) -> str:
    """Return what Airflow calls a task instance in its answers about states."""
    index = _place(task_instance)["map_index"]
    return str(task_instance.task_id if index is None else f"{task_instance.task_id}_{index}")


def state_word(state: Any) -> str | None:
    """Return a state, such as ``running``, as text."""
    return None if state is None else str(getattr(state, "value", state))


#: Talks that must come to their end although nobody waits for them any more.
_talks: set[asyncio.Future[Any]] = set()


async def to_the_end(talk: Coroutine[Any, Any, Result]) -> Result:
    """
    Await a talk with the supervisor in a task of its own.

    A trigger is cancelled at any moment. Airflow's channel does not survive a cancel between question and answer: the answer
    is then read by nobody, and all triggers of the process wait for theirs (seen on 3.3.2).

    :param talk: what sends and awaits one message.
    """
    task = asyncio.ensure_future(talk)
    _talks.add(task)
    task.add_done_callback(_over)
    return await asyncio.shield(task)


def _over(task: asyncio.Future[Any]) -> None:
    _talks.discard(task)
    if not task.cancelled():
        # Asked for, so that asyncio does not report it as lost where the waiting task is gone.
        task.exception()


async def _ask(message: Any) -> Any:
    from airflow.sdk.execution_time import task_runner

    return await to_the_end(task_runner.SUPERVISOR_COMMS.asend(message))


async def task_state(task_instance: Any) -> str | None:
    """
    Ask for a task instance's state from inside a trigger.

    :param task_instance: the trigger's ``task_instance``.
    """
    try:
        from airflow.sdk.execution_time.comms import GetTaskStates

        place = _place(task_instance)
        answer = await _ask(
            GetTaskStates(
                dag_id=place["dag_id"],
                task_ids=[place["task_id"]],
                run_ids=[place["run_id"]],
                map_index=place["map_index"],
            )
        )
        state = answer.task_states.get(place["run_id"], {}).get(name_in_states(task_instance))
    except Exception:
        log.debug("The task's state could not be asked for", exc_info=True)
        return None
    return state_word(state)


async def _by_backend(backend: Any, work: Callable[..., Any], *values: Any, **place: Any) -> Any:
    """Serialize or read a value; a custom backend, which may write to a bucket, does so beside the event loop."""
    from airflow.sdk.bases.xcom import BaseXCom

    if backend is BaseXCom:
        return work(*values, **place)
    return await asyncio.to_thread(work, *values, **place)


async def pull_xcom(task_instance: Any, key: str) -> Any:
    """
    Read an XCom of the trigger's own task.

    :param task_instance: the trigger's ``task_instance``.
    :param key: the XCom's key.
    """
    try:
        from airflow.sdk.execution_time.comms import GetXCom

        answer = await _ask(GetXCom(key=key, **_place(task_instance)))
        value = getattr(answer, "value", None)
        if value is None:
            return None
        from airflow.sdk.execution_time.xcom import XCom

        return await _by_backend(XCom, XCom.deserialize_value, answer)
    except Exception:
        log.debug("XCom %s could not be read", key, exc_info=True)
        return None


async def has_xcom(task_instance: Any, key: str) -> bool | None:
    """
    Ask whether the trigger's own task has an XCom, whatever a custom XCom backend has made of its value.

    :param task_instance: the trigger's ``task_instance``.
    :param key: the XCom's key; its value must not be ``None``.
    :return: ``None`` when the question had no answer.
    """
    try:
        from airflow.sdk.execution_time.comms import GetXCom, XComResult

        answer = await _ask(GetXCom(key=key, **_place(task_instance)))
        return answer.value is not None if isinstance(answer, XComResult) else None
    except Exception:
        log.debug("XCom %s could not be asked for", key, exc_info=True)
        return None


async def push_xcom(task_instance: Any, key: str, value: Any) -> bool:
    """
    Write an XCom of the trigger's own task.

    :param task_instance: the trigger's ``task_instance``.
    :param key: the XCom's key.
    :param value: JSON values only.
    """
    try:
        from airflow.sdk.execution_time.comms import ErrorResponse, SetXCom
        from airflow.sdk.execution_time.xcom import XCom

        place = _place(task_instance)
        serialized = await _by_backend(XCom, XCom.serialize_value, value, key=key, **place)
        answer = await _ask(SetXCom(key=key, value=serialized, **place))
        return not isinstance(answer, ErrorResponse)
    except Exception:
        log.debug("XCom %s could not be written", key, exc_info=True)
        return False


async def put_variable(key: str, value: str, description: str) -> bool:
    """
    Write an Airflow Variable from inside a trigger.

    :param key: its key.
    :param value: its text.
    :param description: what it is for.
    """
    try:
        from airflow.sdk.execution_time.comms import ErrorResponse, PutVariable

        answer = await _ask(PutVariable(key=key, value=value, description=description))
        return not isinstance(answer, ErrorResponse)
    except Exception:
        log.debug("Variable %s could not be written", key, exc_info=True)
        return False
