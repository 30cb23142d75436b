# SPDX-License-Identifier: Apache-2.0
"""What Airflow's own parts answer to a question for a Variable, at the place where each version asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from airflow_provider_dreambooth.runtime import compat


class Supervisor:
    """
    The task's supervisor (Airflow 3): each question gets the next answer, the last one again and again.

    :param answers: what is returned, or raised.
    """

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[Any] = []

    def send(self, msg: Any) -> Any:
        self.asked.append(msg)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def found(value: str) -> Any:
    """The answer that holds a value."""
    if not compat.AIRFLOW_V_3_0_PLUS:
        return value
    from airflow.sdk.execution_time.comms import VariableResult

    return VariableResult(key="any", value=value)


def absent() -> Any:
    """The answer that there is no such Variable."""
    if not compat.AIRFLOW_V_3_0_PLUS:
        return None
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    return ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)


def broken() -> Any:
    """The answer that the question could not be answered."""
    if not compat.AIRFLOW_V_3_0_PLUS:
        return OSError("the database is gone: postgresql://airflow:word@db")
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    return ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"message": "word@db"})


@contextmanager
def airflow_answers(*answers: Any) -> Iterator[Supervisor]:
    """
    Let Airflow's database, or the API before it, give these answers.

    :param answers: one after the other.
    """
    supervisor = Supervisor(list(answers))
    if compat.AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.execution_time import task_runner

        with mock.patch.object(task_runner, "SUPERVISOR_COMMS", supervisor, create=True):
            yield supervisor
    else:
        from airflow.secrets.metastore import MetastoreBackend

        with mock.patch.object(MetastoreBackend, "get_variable", lambda self, key: supervisor.send(key)):
            yield supervisor
