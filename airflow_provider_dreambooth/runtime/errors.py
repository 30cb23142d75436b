# SPDX-License-Identifier: Apache-2.0
"""Which error ends a task without a retry.

Airflow knows only its own exception for that. The error raised is therefore both: the class that a DAG author
catches, and Airflow's.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_dreambooth import exceptions
from airflow_provider_dreambooth.exceptions import DreamboothError

_made: dict[tuple[type, type], type[DreamboothError]] = {}


def _both(error_class: type[DreamboothError], base: type[Exception]) -> type[DreamboothError]:
    """Return the one class that is both; its name is the one that a DAG author knows."""

    known = _made.get((error_class, base))
    if known is not None:
        return known

    def reduce(error: DreamboothError) -> tuple[Any, ...]:
        # A class made at run time is not found by its name: it is made again where the error is unpickled.
        return _unpickled, (error_class, base, error.args, error.__dict__)

    names = {"__module__": error_class.__module__, "__doc__": error_class.__doc__, "__reduce__": reduce}
    return _made.setdefault((error_class, base), type(error_class.__name__, (error_class, base), names))


def _unpickled(
    error_class: type[DreamboothError], base: type[Exception], args: tuple[Any, ...], state: dict[str, Any]
) -> DreamboothError:
    combined = _both(error_class, base)
    error = combined.__new__(combined)
    error.args = args
    error.__dict__.update(state)
    return error


def _as(error: DreamboothError, base: type[Exception]) -> DreamboothError:
    if isinstance(error, base):
        return error
    twin = _unpickled(type(error), base, error.args, error.__dict__)
    twin.__cause__ = error.__cause__
    twin.__suppress_context__ = True
    return twin.with_traceback(error.__traceback__)


def without_retry(error: DreamboothError) -> DreamboothError:
    """Return the same error in a form that ends the task without a retry."""
    from airflow.providers.common.compat.sdk import AirflowFailException

    return _as(error, AirflowFailException)


def as_sensor_timeout(error: DreamboothError) -> DreamboothError:
    """Return the same error in the form of a sensor's timeout: no retry, and ``soft_fail`` applies."""
    from airflow.providers.common.compat.sdk import AirflowSensorTimeout

    return _as(error, AirflowSensorTimeout)


def for_airflow(error: DreamboothError) -> DreamboothError:
    """Return the error as Airflow should see it: a permanent one ends the task, a transient one is retried."""
    return without_retry(error) if error.permanent else error


def error_class_named(name: str | None) -> type[DreamboothError]:
    """
    Return the error class that an event names, :class:`DreamboothError` for a name that is none.

    :param name: the class's name.
    """
    named = getattr(exceptions, name or "", None)
    if isinstance(named, type) and issubclass(named, DreamboothError):
        return named
    return DreamboothError
