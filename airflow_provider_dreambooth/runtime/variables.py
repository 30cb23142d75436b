# SPDX-License-Identifier: Apache-2.0
"""
Airflow's Variables, read so that "it is not there" is an answer and never a guess.

``Variable.get(key, default)`` returns the default for *any* error of a backend on Airflow 2.11 and in the task SDK of
3.1 to 3.3. What stands in such a Variable decides whether money is spent, so each backend is asked here by itself: an
error of any of them is a :class:`DreamboothTransientError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.runtime import compat

Result = TypeVar("Result")


class Variables:
    """Airflow's Variables of this version: environment, secrets backends and metadata database."""

    def get(self, key: str, default: Any = None) -> Any:
        """
        Return a Variable's text.

        :param key: its key.
        :param default: what to return when no backend has it.
        :raises DreamboothTransientError: a backend did not answer.
        """
        value = _answered(
            "read", key, lambda: _ask_supervisor(key) if compat.AIRFLOW_V_3_0_PLUS else _ask_here(key)
        )
        return default if value is None else value

    def keys(self, prefix: str) -> Iterable[str]:
        """
        Return the keys in the metadata database that begin with a prefix (Airflow 3.3).

        :param prefix: how they begin.
        :raises DreamboothTransientError: Airflow did not answer.
        """
        # A lazy list, which asks only when it is read.
        return _answered("listed", f"{prefix}*", lambda: list(_airflows().keys(prefix)))

    def set(self, key: str, value: str, description: str | None = None) -> None:
        """
        Write a Variable; it is durable when this returns.

        :raises DreamboothTransientError: Airflow did not confirm it.
        """
        _answered("written", key, lambda: _airflows().set(key, value, description=description))

    def delete(self, key: str) -> None:
        """
        Delete a Variable; one that is not there is no error.

        :raises DreamboothTransientError: Airflow did not confirm it.
        """
        _answered("deleted", key, lambda: _airflows().delete(key))


def accessor() -> Variables:
    """Return Airflow's Variables."""
    return Variables()


def _airflows() -> Any:
    from airflow.providers.common.compat.sdk import Variable

    return Variable


def _answered(done: str, key: str, action: Callable[[], Result]) -> Result:
    try:
        return action()
    except Exception as error:
        raise unanswered(f"Airflow Variable {key!r}", done, error) from error


def unanswered(what: str, done: str, error: Exception) -> DreamboothTransientError:
    """
    Return the error for a question to Airflow that got no answer.

    :param what: what was asked for, such as ``Airflow Variable 'x'``.
    :param done: ``read``, ``listed``, ``written`` or ``deleted``.
    :param error: what Airflow raised. Only its kind is quoted: its text may hold a backend's address or credentials.
    """
    answer = getattr(getattr(error, "error", None), "error", None)
    kind = getattr(answer, "value", None) or type(error).__name__
    consequence = (
        "It says whether a training is paid already, so nothing is sent to the service without it. A retry asks again."
        if done in ("read", "listed")
        else "Airflow did not confirm it."
    )
    return DreamboothTransientError(f"{what} could not be {done} ({kind}). {consequence}")


def _ask_here(key: str) -> str | None:
    """Ask each backend: below Airflow 3 a worker reads the metadata database itself."""
    from airflow.configuration import ensure_secrets_loaded

    return _first(ensure_secrets_loaded(), key)


def _ask_supervisor(key: str) -> str | None:
    """Ask the worker's own backends, then Airflow's API over the task's supervisor."""
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, VariableResult
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

    # From 3.1 on the list ends with a backend that asks the API and takes each of its errors for "not there".
    own = [
        backend
        for backend in ensure_secrets_backend_loaded()
        if type(backend).__name__ != "ExecutionAPISecretsBackend"
    ]
    value = _first(own, key)
    if value is not None:
        return value
    answer = task_runner.SUPERVISOR_COMMS.send(GetVariable(key=key))
    if isinstance(answer, ErrorResponse):
        if answer.error.value == "VARIABLE_NOT_FOUND":
            return None
        raise AirflowRuntimeError(answer)
    if not isinstance(answer, VariableResult) or answer.value is None:
        raise TypeError(f"{type(answer).__name__} is no answer")
    return str(answer.value)


def _first(backends: Iterable[Any], key: str) -> str | None:
    for backend in backends:
        value = backend.get_variable(key=key)
        if value is not None:
            return str(value)
    return None
